// A broker that follows a script, for what a real broker hardly ever does on request.
// Packets are encoded and decoded by mqtt-packet (the codec of MQTT.js).
//
//   node scripted-broker.js '{"port": 1883, "connections": [RULES, RULES, ...]}'
//
// Each connection takes the next RULES (the last one serves all that follow). RULES maps an event to a list of
// actions; an event without a rule is answered as an ordinary broker would.
//   events:   open, connect, publish, subscribe, unsubscribe, pingreq, pubrel, disconnect, ...
//   actions:  {"send": PACKET}   a packet as mqtt-packet describes it; messageId "same" repeats the request's
//             {"hex": "2000"}    bytes as they are
//             {"wait": 500}      milliseconds
//             {"ordinary": true} what happens without a rule
//             {"once": ACTION, "then": ACTION}   the one the first time, the other from then on
//             {"close": true}    FIN         {"reset": true}  RST
//             {"deaf": true}     never again answer, nor react to the peer's FIN
'use strict'
const net = require('net')
const mqtt = require('mqtt-packet')

// JSON has no bytes: {"type": "Buffer", "data": [1, 2]} stands for them, as Node writes them.
const buffers = (_, value) => value && value.type === 'Buffer' ? Buffer.from(value.data) : value
const script = JSON.parse(process.argv[2], buffers)
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

const brief = (packet) => {
  const { cmd, clientId, topic, qos, messageId, returnCode, reasonCode, granted } = packet
  const facts = { clientId, topic, qos, messageId, returnCode, reasonCode, granted }
  const known = Object.entries(facts).filter(([, value]) => value !== undefined && value !== null)
  return [cmd.toUpperCase(), ...known.map(([name, value]) => `${name}=${JSON.stringify(value)}`)].join(' ')
}

function ordinary (packet) {
  const messageId = packet.messageId
  switch (packet.cmd) {
    case 'connect': return { cmd: 'connack', returnCode: 0, reasonCode: 0, sessionPresent: false }
    case 'subscribe': return { cmd: 'suback', messageId, granted: packet.subscriptions.map((s) => s.qos) }
    case 'unsubscribe': return { cmd: 'unsuback', messageId, granted: packet.unsubscriptions.map(() => 0) }
    case 'publish': return [null, { cmd: 'puback', messageId }, { cmd: 'pubrec', messageId }][packet.qos]
    case 'pubrec': return { cmd: 'pubrel', messageId }
    case 'pubrel': return { cmd: 'pubcomp', messageId }
    case 'pingreq': return { cmd: 'pingresp' }
    default: return null
  }
}

let count = 0
net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
  const number = ++count
  const rules = script.connections[Math.min(number, script.connections.length) - 1]
  const say = (text) => console.log(`connection ${number}: ${text}`)
  let options = { protocolVersion: 4 }
  const used = new Set()
  let deaf = false
  let queue = Promise.resolve()
  say(`accepted from ${socket.remoteAddress.replace('::ffff:', '')}`)

  const transmit = (packet) => {
    say(`sends ${brief(packet)}`)
    socket.write(mqtt.generate(packet, options))
  }
  const act = async (event, packet) => {
    for (const rule of rules[event] || [{ ordinary: true }]) {
      const action = rule.once ? (used.has(rule) ? rule.then : rule.once) : rule
      used.add(rule)
      if (deaf || socket.destroyed) return
      if (action.ordinary && packet) { const answer = ordinary(packet); if (answer) transmit(answer) }
      if (action.send) {
        const answer = { ...action.send }
        if (answer.messageId === 'same') answer.messageId = packet.messageId
        transmit(answer)
      }
      if (action.hex) { say(`sends bytes ${action.hex}`); socket.write(Buffer.from(action.hex, 'hex')) }
      if (action.wait) await sleep(action.wait)
      if (action.close) { say('closes'); socket.end() }
      if (action.reset) { say('resets'); socket.resetAndDestroy() }
      if (action.deaf) { say('goes silent'); deaf = true }
    }
  }
  const parser = mqtt.parser()
  parser.on('packet', (packet) => {
    if (packet.cmd === 'connect') options = { protocolVersion: packet.protocolVersion }
    say(`received ${brief(packet)}`)
    queue = queue.then(() => act(packet.cmd, packet))
  })
  parser.on('error', (error) => say(`cannot decode: ${error.message}`))
  socket.on('data', (data) => parser.parse(data))
  socket.on('end', () => { say('the client closed'); if (!deaf) queue.then(() => socket.end()) })
  socket.on('error', (error) => say(error.code))
  queue = queue.then(() => act('open'))
}).listen(script.port || 1883, '0.0.0.0', () => console.log('listening'))
