// Aedes, the broker of npm, on port 1883: it lets everybody connect, and fails a subscription below private/.
//
//   node aedes-broker.js
'use strict'
const aedes = require('aedes')()

aedes.authorizeSubscribe = (client, subscription, done) =>
  done(subscription.topic.startsWith('private/') ? new Error('private') : null, subscription)
for (const event of ['client', 'clientDisconnect', 'clientError', 'connectionError']) {
  aedes.on(event, (client, error) => console.log(event, client.id, error ? error.message : ''))
}
require('net').createServer(aedes.handle).listen(1883, '0.0.0.0', () => console.log('listening'))
