// MQTT.js over TLS: publishes one message and says goodbye, or tells why it could not.
//
//   node mqttjs-tls-client.js HOST PORT CA-FILE TLS-VERSION CERTIFICATE-NAME|- CIPHERS|-
'use strict'
const fs = require('fs')
const mqtt = require('mqtt')

const [host, port, ca, version, certificate, ciphers] = process.argv.slice(2)
const own = certificate === '-' ? {} : { cert: fs.readFileSync(`${certificate}.crt`), key: fs.readFileSync(`${certificate}.key`) }
const client = mqtt.connect({
  host, port: Number(port), protocol: 'mqtts', clientId: 'display-9', reconnectPeriod: 0, connectTimeout: 4000,
  ca: fs.readFileSync(ca), minVersion: version, maxVersion: version, ...own, ...(ciphers === '-' ? {} : { ciphers })
})
client.on('connect', () => client.publish('display/9/state', 'on', { qos: 1 }, () => {
  console.log('published')
  client.end()
}))
client.on('error', (error) => {
  console.log('error', error.message, error.code || '')
  client.end(true)
})
client.on('close', () => console.log('close'))
