// What the JavaScript clients share: the stand-in's settings, the route to it, and the talk with the test that started
// them. A client prints lines of JSON: {"open": URL} asks the test to sign in at a URL, and the test answers with the
// address that the browser was sent to; {"result": ...} is the last line.

import { createInterface } from "node:readline";

const environment = process.env;

export const cognito = {
  domain: environment.COGNITO_DOMAIN,
  clientId: environment.COGNITO_CLIENT_ID,
  redirectUri: environment.COGNITO_REDIRECT_URI.split(" ")[0],
  region: environment.COGNITO_REGION,
  userPoolId: environment.COGNITO_USER_POOL_ID,
  identityPoolId: environment.COGNITO_IDENTITY_POOL_ID,
  issuer: environment.FOREIGN_ISSUER,
  clientSecret: environment.FOREIGN_CLIENT_SECRET,
};

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

// Has the user sign in at a URL; returns the address that the browser was sent to.
export async function signIn(url) {
  console.log(JSON.stringify({ open: String(url) }));
  return (await lines.next()).value;
}

// Tells the test what came out, and ends this process.
export function report(result) {
  console.log(JSON.stringify({ result }));
  process.exit(0);
}

// Returns where the stand-in serves a URL of the user pool's public host.
export function routed(url) {
  const { origin, pathname } = new URL(cognito.issuer);
  const { href } = new URL(url);
  return href.startsWith(`${origin}${pathname}/`) ? href.replace(origin, cognito.domain) : href;
}

// Like fetch; the tokens' issuer has a public host name, which no test may reach.
export const routedFetch = (url, options) => fetch(routed(url), options);

// Returns the name of the error that a call fails with, and null if it succeeds.
export async function errorOf(call) {
  try {
    await call();
    return null;
  } catch (error) {
    return error.error ?? error.constructor.name;
  }
}
