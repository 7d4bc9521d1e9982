// A hand-written receiver: Node's http and better-sqlite3, one SQLite transaction a request, one process.
"use strict";
const http = require("node:http");
const crypto = require("node:crypto");
const Database = require("better-sqlite3");

const db = new Database(process.env.DATABASE);
db.pragma("journal_mode = WAL");
db.pragma("synchronous = FULL"); // better-sqlite3 is built with NORMAL for WAL, which does not flush at a commit
db.exec(`create table if not exists webhooks (
  id integer primary key, shop text not null, topic text not null, identity text not null,
  received_at integer not null, body blob not null, unique (shop, identity)
)`);
const keep = db.prepare(
  "insert or ignore into webhooks (shop, topic, identity, received_at, body) values (?, ?, ?, ?, ?)"
);

function answer(response, status, body) {
  const text = JSON.stringify(body);
  response.writeHead(status, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) });
  response.end(text);
}

function receive(request, response, body) {
  const [, , , shop] = request.url.split("/");
  const expected = crypto.createHmac("sha256", process.env.SECRET).update(body).digest();
  const given = Buffer.from(request.headers["x-shopify-hmac-sha256"] || "", "base64");
  if (given.length !== expected.length || !crypto.timingSafeEqual(given, expected)) {
    return answer(response, 401, { error: "signature" });
  }
  keep.run(shop, request.headers["x-shopify-topic"], request.headers["x-shopify-webhook-id"], Date.now(), body);
  return answer(response, 200, { status: "stored" });
}

const server = http.createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => receive(request, response, chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)));
});
server.keepAliveTimeout = 75000;
server.listen(Number(process.env.PORT), "127.0.0.1");
process.on("SIGTERM", () => {
  db.close();
  process.exit(0);
});
