// MQTT.js inside WebSocket: publishes to itself, prints every event, ends.
//
//   node ws-client.js URL CLIENT-ID '{"messages": 3, ...}'
//
//   any option of MQTT.js; "messages": how many to publish and wait for, "size": their length, "idle": milliseconds before the goodbye,
//   "kill": milliseconds until the process ends itself, "stay": never say goodbye
'use strict'
const mqtt = require('mqtt')
const [url, clientId, json] = process.argv.slice(2)
const { messages = 2, size, idle = 0, kill, stay, ...options } = JSON.parse(json || '{}')
const client = mqtt.connect(url, { clientId, reconnectPeriod: 0, ...options })
let received = 0
client.on('connect', (connack) => {
  console.log('connect', `returnCode=${connack.returnCode ?? connack.reasonCode}`, `sessionPresent=${connack.sessionPresent}`)
  client.subscribe('plant/#', { qos: 1 }, (error, granted) => {
    console.log('subscribed', error ? error.message : JSON.stringify(granted))
    for (let i = 1; i <= messages; i++) client.publish(`plant/${i}/temperature`, size ? 'x'.repeat(size) : `value ${i}`, { qos: 1 })
  })
  if (kill) setTimeout(() => process.kill(process.pid, 'SIGKILL'), kill)
})
client.on('message', (topic, payload) => {
  console.log('message', topic, payload.length > 40 ? `${payload.length} bytes` : String(payload))
  if (++received === messages && !stay) setTimeout(() => client.end(), 200 + idle)
})
for (const event of ['close', 'end', 'offline']) client.on(event, () => console.log(event))
client.on('disconnect', (packet) => console.log('disconnect', JSON.stringify(packet)))
client.on('error', (error) => console.log('error', error.message, error.code ?? ''))
client.on('close', () => setTimeout(() => process.exit(0), 500))
