// A WebSocket client that does exactly the steps it is told to, right or wrong. Packets are encoded by mqtt-packet.
//
//   node ws-raw-client.js URL SUBPROTOCOL|- '[STEP, ...]'
//
//   {"frame": [PACKET, ...]}              packets in one message       {"text": [PACKET, ...]}   the same, as a text message
//   {"frames": [PACKET], "size": 5}       packets in messages of at most so many bytes
//   {"fragments": [PACKET], "size": 5}    packets in one message of several frames, with a Ping between
//   {"say": "hello"}                      text that is not MQTT        {"ping": true}
//   {"wait": 500}                         milliseconds                 {"read": "connack"}       wait for this packet, or "close"
//   {"close": [1001, "bye"]}              a Close frame                {"terminate": true}       RST or FIN without one
'use strict'
const WebSocket = require('ws')
const mqtt = require('mqtt-packet')
const [url, subprotocol, json] = process.argv.slice(2)
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const options = { protocolVersion: 4 }
const received = []
const note = (event) => { console.log(event); received.push(event.split(' ')[1]) }
const parser = mqtt.parser(options)
parser.on('packet', ({ cmd, returnCode, reasonCode }) => note(`received ${cmd} ${JSON.stringify({ returnCode, reasonCode })}`))
parser.on('error', (error) => console.log('cannot decode:', error.message))
const bytes = (packets) => Buffer.concat(packets.map((packet) => {
  if (packet.cmd === 'connect') options.protocolVersion = packet.protocolVersion
  return mqtt.generate(packet, options)
}))
const pieces = (data, size) => Array.from({ length: Math.ceil(data.length / size) }, (_, i) => data.subarray(i * size, (i + 1) * size))

const socket = new WebSocket(url, subprotocol === '-' ? [] : [subprotocol], { perMessageDeflate: false })
socket.on('message', (data, binary) => { if (binary) parser.parse(data); else console.log('text', String(data)) })
socket.on('close', (code, reason) => note(`received close ${code} ${reason}`))
socket.on('error', (error) => console.log('error', error.message))
socket.on('open', async () => {
  console.log('open', socket.protocol || 'no subprotocol')
  for (const step of JSON.parse(json)) {
    if (step.frame) socket.send(bytes(step.frame))
    if (step.text) socket.send(bytes(step.text), { binary: false })
    if (step.say) socket.send(step.say)
    if (step.frames) for (const piece of pieces(bytes(step.frames), step.size)) socket.send(piece)
    if (step.fragments) {
      const parts = pieces(bytes(step.fragments), step.size)
      for (const [i, part] of parts.entries()) { socket.send(part, { fin: i === parts.length - 1 }); if (i === 0) socket.ping(); await sleep(5) }
    }
    if (step.ping) socket.ping()
    if (step.wait) await sleep(step.wait)
    if (step.read) {
      for (let i = 0; i < 1000 && !received.includes(step.read); i++) await sleep(20)
      received.splice(0, received.indexOf(step.read) + 1)
    }
    if (step.close) { console.log('closing', ...step.close); socket.close(...step.close) }
    if (step.terminate) { console.log('terminating'); socket.terminate() }
  }
  await sleep(400)
  process.exit(0)
})
