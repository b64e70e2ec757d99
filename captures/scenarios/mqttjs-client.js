// MQTT.js with properties and topic aliases: subscribes, publishes three messages, waits for what is due, says goodbye.
//
//   node mqttjs-client.js HOST PORT CLIENT-ID EXPECTED-MESSAGES
'use strict'
const mqtt = require('mqtt')

const [host, port, clientId, expected] = process.argv.slice(2)
const client = mqtt.connect({
  host,
  port: Number(port),
  clientId,
  protocolVersion: 5,
  keepalive: 30,
  reconnectPeriod: 0,
  autoAssignTopicAlias: true,
  properties: {
    sessionExpiryInterval: 0,
    receiveMaximum: 20,
    topicAliasMaximum: 10,
    userProperties: { firmware: '4.2.1', site: ['hall', 'north'] }
  },
  will: {
    topic: 'plant/gateway-2/state',
    payload: 'gone',
    qos: 1,
    properties: { willDelayInterval: 5, contentType: 'text/plain', payloadFormatIndicator: true }
  }
})
let messages = 0
const publish = (topic, payload, options) => new Promise((resolve) => client.publish(topic, payload, options, (error, packet) => {
  console.log(`published ${topic}`, error ? error.message : JSON.stringify(packet && { cmd: packet.cmd, reasonCode: packet.reasonCode }))
  resolve()
}))

client.on('connect', async (connack) => {
  console.log('connect', JSON.stringify(connack.properties || {}), `sessionPresent=${connack.sessionPresent}`)
  client.subscribe({ 'plant/+/temperature': { qos: 1, nl: false, rap: true, rh: 0 } },
    { properties: { subscriptionIdentifier: 7, userProperties: { purpose: 'dashboard' } } }, async (error, granted) => {
      console.log('subscribed', error ? error.message : JSON.stringify(granted))
      const properties = {
        contentType: 'application/json',
        responseTopic: 'plant/gateway-2/answers',
        correlationData: Buffer.from('42'),
        messageExpiryInterval: 3600,
        payloadFormatIndicator: true,
        userProperties: { unit: 'celsius' }
      }
      for (const value of [21.5, 21.6, 21.7]) {
        await publish('plant/7/temperature', JSON.stringify({ value }), { qos: 1, properties: { ...properties } })
      }
    })
})
client.on('message', (topic, payload, packet) => {
  console.log(`message ${topic} ${payload}`, JSON.stringify(packet.properties || {}))
  if (++messages === Number(expected)) setTimeout(() => client.end(false, { reasonCode: 0 }), 300)
})
client.on('disconnect', (packet) => console.log('disconnect', JSON.stringify(packet)))
client.on('error', (error) => console.log('error', error.message, error.code || ''))
client.on('close', () => console.log('close'))
client.on('end', () => console.log('end'))
