// npm's fhirclient (SMART JS) goes through the row as an app's server: node smart_js.mjs BASE GIVEN. It sends who opens its page to
// log in, shows the row as JSON on the last line once they are back, and ends.
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import smart from "fhirclient";

const [base, file] = process.argv.slice(2);
const { client: clientId, key, back, scope, person, observation, plan, transaction } = JSON.parse(readFileSync(file, "utf8"));
const session = {};

async function refused(asked) {
  try {
    await asked;
  } catch (error) {
    return JSON.parse(error.message.slice(error.message.indexOf("{"))).issue[0].code;
  }
  return null;
}

async function through(client) {
  const state = client.getState();
  const row = { discovery: state.tokenUri, token: state.tokenResponse.token_type, metadata: await client.getFhirVersion() };
  row.read = (await client.patient.read()).name[0].family;
  const made = await client.create(observation);
  row.create = made.meta.versionId;
  row.update = (await client.update({ ...made, status: "amended" })).meta.versionId;
  const url = `Observation/${made.id}`;
  row.vread = (await client.request(`${url}/_history/1`)).status;
  row.patch = (await client.patch(url, [{ op: "replace", path: "/status", value: "corrected" }])).status;
  row.history = (await client.request(`${url}/_history`, { flat: true })).map((each) => each.meta.versionId);

  const led = await client.create(plan);
  const seen = { headers: { "If-Match": `W/"${led.meta.versionId}"` } };
  row.match = (await client.update({ ...led, title: "Sleep" }, seen)).meta.versionId;
  row.stale = await refused(client.update({ ...led, title: "Sleep" }, seen));

  const once = { system: "urn:ietf:rfc:3986", value: `urn:uuid:${randomUUID()}` };
  const condition = { headers: { "If-None-Exist": `identifier=${once.system}|${once.value}` } };
  const twice = [0, 1].map(() => ({ ...observation, identifier: [once] }));
  const [first, second] = [await client.create(twice[0], condition), await client.create(twice[1], condition)];
  row.conditional = first.id === second.id;

  const headers = { "content-type": "application/fhir+json" };
  const { entry } = await client.request({ url: "", method: "POST", body: JSON.stringify(transaction), headers });
  row.transaction = entry[2].resource.hasMember[0].reference === `Observation/${entry[0].resource.id}`;

  const everything = { pageLimit: 0, flat: true, graph: true, resolveReferences: ["subject"] };
  const found = await client.patient.request("Observation?_count=2", everything);
  row.search = found.filter((each) => each.subject.id === client.patient.id).length;
  row.refusal = await refused(client.request("Observation?nonsense=x"));
  await client.delete(url);
  row.delete = await refused(client.request(url));
  return row;
}

async function served(request, response) {
  request.session = session;
  const api = smart(request, response);
  if (new URL(request.url, back).pathname !== new URL(back).pathname) {
    return api.authorize({ iss: base, clientId, scope, redirectUri: back, clientPrivateJwk: key });
  }
  const row = await through(await api.ready());
  console.log(JSON.stringify(row));
  response.end(() => process.exit());
}

const server = createServer((request, response) =>
  served(request, response).catch((error) => {
    console.error(error);
    process.exit(1);
  }),
);
server.listen(new URL(back).port, "127.0.0.1", () => console.log("listening"));
