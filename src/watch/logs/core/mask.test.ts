import assert from "node:assert/strict";
import { test } from "node:test";
import { cleanText } from "./clean-text.ts";
import { MASK, Masker } from "./mask.ts";

const masker = new Masker(["s3cr3t-value", "abc"]);
const HIDDEN: readonly (readonly [string, string])[] = [
  ["password=hunter2 user=anna", `password=${MASK} user=anna`],
  ['{"user":"anna","password":"hunter 2","n":1}', `{"user":"anna","password":"${MASK}","n":1}`],
  ['{"msg":"{\\"apiKey\\":\\"k-123\\"}"}', `{"msg":"{\\"apiKey\\":\\"${MASK}\\"}"}`],
  ["DB_PASSWORD: hunter2", `DB_PASSWORD: ${MASK}`],
  ["db.password=hunter2;next", `db.password=${MASK};next`],
  ["GET /x?access_token=abcdef&y=1", `GET /x?access_token=${MASK}&y=1`],
  ["Authorization: Bearer abc.def", `Authorization: Bearer ${MASK}`],
  ["authorization: Basic YW5uYTpodW50ZXIy", `authorization: Basic ${MASK}`],
  ["Cookie: sid=1234; other=5", `Cookie: ${MASK}`],
  ["postgres://anna:hunter2@db:5432/x", `postgres://anna:${MASK}@db:5432/x`],
  ["key AKIAIOSFODNN7EXAMPLE used", `key ${MASK} used`],
  ["jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefgh", `jwt ${MASK}`],
  [
    "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----",
    `-----BEGIN RSA PRIVATE KEY-----${MASK}-----END RSA PRIVATE KEY-----`,
  ],
  ["it said s3cr3t-value aloud", `it said ${MASK} aloud`],
];
for (const [line, masked] of HIDDEN)
  test(`${JSON.stringify(line)} is masked, and again it is the same`, () => {
    assert.equal(masker.mask(line), masked);
    assert.equal(masker.mask(masked), masked);
  });

for (const line of [
  "token expired",
  "password is wrong",
  "the secret of success",
  "abc",
  "keyboard=qwerty",
  "tokens=5 of 7 used: monkey: banana",
  "http://host:80/a@b",
  "password=null",
])
  test(`${JSON.stringify(line)} stays as it is`, () => {
    if (line.startsWith("tokens")) return void assert.match(masker.mask(line), /of 7 used/);
    assert.equal(masker.mask(line), line);
  });

test("masking takes time in proportion to the text, whatever stands there", () => {
  for (const piece of [
    "password",
    "password=",
    "a_",
    'password="',
    "authorization:",
    "://",
    "a:b@",
    "eyJ",
    "eyJaaaaaaaa.",
    "-----BEGIN PRIVATE KEY-----",
    "cookie:",
    '\\"',
    "token='\\",
    "_-.",
    "Bearer ",
  ]) {
    const began = process.cpuUsage();
    masker.mask(piece.repeat(Math.floor(262_144 / piece.length)));
    const { user } = process.cpuUsage(began);
    assert.ok(user < 3_000_000, `${piece}: ${user} µs of processor time`);
  }
});

test("control characters are neutralised: no line moves a cursor, colours a terminal or turns letters", () => {
  assert.equal(cleanText("\u001b[31mred\u001b[0m \u001b]0;title\u0007x\r"), "red x");
  assert.equal(cleanText("a\u0000b\u0008c\u007f\td"), "a\u2400b\u2408c\u2421\td");
  assert.equal(cleanText("user\u202egnp.exe"), "user\\u202egnp.exe");
  assert.equal(cleanText("\u001b"), "\u241b");
  assert.equal(cleanText("中文 äöü"), "中文 äöü");
});
