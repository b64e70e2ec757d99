// A client that does exactly the steps it is told to, right or wrong.
//
//   node raw-client.js HOST PORT '[STEP, ...]'
//
//   {"send": PACKET}       a packet as mqtt-packet describes it (its codec encodes it)
//   {"hex": "1000"}        bytes as they are; {"text": "..."} likewise
//   {"together": [STEP]}   the bytes of several send/hex steps in one write
//   {"drip": [STEP], "every": 20}   the same, one byte per write, so many milliseconds apart
//   {"pieces": [STEP], "cut": [180, 360], "every": 50}   the same, in writes that begin at these offsets
//   {"wait": 500}          milliseconds
//   {"read": "connack"}    wait for this packet (or "close")
//   {"close": true}        FIN         {"reset": true}  RST
'use strict'
const net = require('net')
const mqtt = require('mqtt-packet')

const [host, port, json] = process.argv.slice(2)
// JSON has no bytes: {"type": "Buffer", "data": [1, 2]} stands for them, as Node writes them.
const buffers = (_, value) => value && value.type === 'Buffer' ? Buffer.from(value.data) : value
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const options = { protocolVersion: 4 }
const received = []
const parser = mqtt.parser(options)
const note = (event) => { console.log(event); received.push(event.split(' ')[1]) }
parser.on('packet', ({ cmd, returnCode, reasonCode, messageId, granted }) =>
  note(`received ${cmd} ${JSON.stringify({ returnCode, reasonCode, messageId, granted })}`))
parser.on('error', (error) => console.log(`cannot decode: ${error.message}`))

const bytes = (step) => {
  if (step.hex !== undefined) return Buffer.from(step.hex, 'hex')
  if (step.text !== undefined) return Buffer.from(step.text)
  if (step.send.cmd === 'connect') options.protocolVersion = step.send.protocolVersion
  return mqtt.generate(step.send, options)
}
const socket = net.connect({ host, port, noDelay: true, allowHalfOpen: true })
socket.on('data', (data) => { parser.parse(data) })
socket.on('end', () => note('received close'))
socket.on('error', (error) => { console.log(error.code); received.push('close') })
socket.on('connect', async () => {
  console.log('connected')
  for (const step of JSON.parse(json, buffers)) {
    if (step.send || step.hex || step.text) socket.write(bytes(step))
    if (step.together) socket.write(Buffer.concat(step.together.map(bytes)))
    if (step.drip) {
      for (const byte of Buffer.concat(step.drip.map(bytes))) { socket.write(Buffer.of(byte)); await sleep(step.every) }
    }
    if (step.pieces) {
      const all = Buffer.concat(step.pieces.map(bytes))
      for (const [i, from] of [0, ...step.cut].entries()) { socket.write(all.subarray(from, step.cut[i])); await sleep(step.every) }
    }
    if (step.wait) await sleep(step.wait)
    if (step.read) {
      for (let i = 0; i < 1000 && !received.includes(step.read); i++) await sleep(20)
      received.splice(0, received.indexOf(step.read) + 1)
    }
    if (step.close) { console.log('closing'); socket.end() }
    if (step.reset) { console.log('resetting'); socket.resetAndDestroy() }
  }
  await sleep(200)
  process.exit(0)
})
