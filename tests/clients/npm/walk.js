// Creates, reads, changes, finds and deletes annotations with hypothesis-api-client; prints what it saw as JSON.
// usage: node walk.js API_ADDRESS TOKEN NUMBER_OF_ANNOTATIONS
const { promisify } = require('util')
const Client = require('hypothesis-api-client')

const [baseURI, token, number] = process.argv.slice(2)
const client = new Client(token, { baseURI, create: { maxNumberOfRetries: 0 } })
const call = (name, ...values) => promisify(client[name].bind(client))(...values)

async function main () {
  const profile = await call('getUserProfile')
  const note = { uri: 'https://npm.example.com/', text: 'first', permissions: { read: ['group:__world__'] }, group: '__world__' }
  const created = await call('createNewAnnotation', note)
  const changed = await call('updateAnnotation', created.id, { ...created, text: 'second' })
  const fetched = await call('fetchAnnotation', created.id)
  const found = await call('searchAnnotations', { uri: note.uri, order: 'desc', limit: 10 })
  const deleted = await call('deleteAnnotation', created)
  const many = []
  for (let index = 0; index < Number(number); index++) {
    many.push({ ...note, uri: 'https://npm.example.com/many', text: `number ${index}` })
  }
  const made = await call('createNewAnnotationsSequential', many)
  const walked = await call('searchAnnotationsSequential', { uri: 'https://npm.example.com/many', order: 'desc' })
  console.log(JSON.stringify({
    userid: profile.userid,
    changed: changed.text,
    fetched: fetched.text,
    found: (found.rows || found).map(row => row.id),
    created: created.id,
    deleted: deleted.deleted,
    made: made.map(row => row.id),
    walked: walked.map(row => row.id)
  }))
}

main().catch(error => { console.error(error); process.exit(1) })
