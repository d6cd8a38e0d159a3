// Requests and checks pins over HTTP with axios, as Beem's users do. Prints status and body as JSON.
const axios = require("axios");

const [base, what, ...given] = process.argv.slice(2);
const auth = { username: process.env.API_KEY, password: process.env.SECRET_KEY };
const [path, body] =
  what === "request"
    ? ["/v1/request", { appId: Number(given[0]), msisdn: given[1] }]
    : // The path of one of Beem's samples.
      ["/api/v1/verify", { pinId: given[0], pin: given[1] }];

axios
  .post(base + path, body, { auth, headers: { "Content-Type": "application/json" }, timeout: 10_000 })
  .catch((error) => error.response)
  .then(({ status, data }) => console.log(JSON.stringify({ status, body: data })));
