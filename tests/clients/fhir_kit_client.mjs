// npm's fhir-kit-client goes through the row: node fhir_kit_client.mjs BASE CREDENTIALS, the row as JSON on the last line.
import { createPrivateKey, randomUUID, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { Client } from "fhir-kit-client";

const [base, file] = process.argv.slice(2);
const { client: id, key, person, transaction, observation, plan } = JSON.parse(readFileSync(file, "utf8"));

async function refused(asked) {
  try {
    await asked;
  } catch (error) {
    return error.response.data.issue[0].code;
  }
  return null;
}

function assertion(audience) {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: id, sub: id, aud: audience, exp: now + 240, jti: randomUUID() };
  const text = [{ alg: "ES384", typ: "JWT", kid: key.kid }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");
  const signing = { key: createPrivateKey({ key, format: "jwk" }), dsaEncoding: "ieee-p1363" };
  return `${text}.${sign("sha384", Buffer.from(text), signing).toString("base64url")}`;
}

async function granted(client, endpoint) {
  const form = new URLSearchParams({
    grant_type: "client_credentials",
    scope: "system/*.cruds",
    client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    client_assertion: assertion(endpoint),
  });
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  return client.request(endpoint, { method: "POST", body: form.toString(), options: { headers } });
}

async function counted(client, bundle) {
  const next = bundle.link.some((link) => link.relation === "next") && (await client.nextPage({ bundle }));
  return bundle.entry.length + (next ? await counted(client, next) : 0);
}

const client = new Client({ baseUrl: base });
const row = {};
const { tokenUrl } = await client.smartAuthMetadata();
row.discovery = tokenUrl.href;
row.metadata = (await client.capabilityStatement()).fhirVersion;
const token = await granted(client, tokenUrl.href);
row.token = token.token_type;
client.bearerToken = token.access_token;

const resourceType = "Observation";
row.read = (await client.resolve({ reference: person })).name[0].family;
const made = await client.create({ resourceType, body: observation });
row.create = made.meta.versionId;
const at = { resourceType, id: made.id };
row.update = (await client.update({ ...at, body: { ...made, status: "amended" } })).meta.versionId;
row.vread = (await client.vread({ ...at, version: "1" })).status;
const jsonPatch = [{ op: "replace", path: "/status", value: "corrected" }];
row.patch = (await client.patch({ ...at, jsonPatch })).status;
row.history = (await client.history(at)).entry.map((entry) => entry.resource.meta.versionId);

const led = await client.create({ resourceType: "CarePlan", body: plan });
const change = {
  resourceType: "CarePlan",
  id: led.id,
  body: { ...led, title: "Sleep" },
  options: { headers: { "If-Match": `W/"${led.meta.versionId}"` } },
};
row.match = (await client.update(change)).meta.versionId;
row.stale = await refused(client.update(change));

const identifier = [{ system: "urn:ietf:rfc:3986", value: `urn:uuid:${randomUUID()}` }];
const once = {
  resourceType,
  body: { ...observation, identifier },
  options: { headers: { "If-None-Exist": `identifier=${identifier[0].system}|${identifier[0].value}` } },
};
row.conditional = (await client.create(once)).id === (await client.create(once)).id;
const { entry } = await client.transaction({ body: transaction });
row.transaction = entry[2].resource.hasMember[0].reference === `Observation/${entry[0].resource.id}`;
row.search = await counted(client, await client.search({ resourceType, searchParams: { subject: person, _count: 2 } }));
row.refusal = await refused(client.search({ resourceType, searchParams: { nonsense: "x" } }));
await client.delete(at);
row.delete = await refused(client.read(at));
console.log(JSON.stringify(row));
