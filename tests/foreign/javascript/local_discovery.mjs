// What a client does that knows only where the openid-configuration is: it follows the URLs in it, as they are.

import { JwtVerifier } from "aws-jwt-verify";
import * as client from "openid-client";
import { cognito, report } from "./common.mjs";
import { tokensOfSignIn } from "./sign_in.mjs";

const documentUrl = `${cognito.domain}/${cognito.userPoolId}/.well-known/openid-configuration`;
const document = await (await fetch(documentUrl)).json();
const urls = Object.values(document).filter((value) => String(value).startsWith("http"));
const config = await client.discovery(new URL(documentUrl), cognito.clientId, undefined, client.None());
const { id_token: idToken } = await tokensOfSignIn();
// It fetches the keys by itself, with Node.js's https.
const verifier = JwtVerifier.create({
  issuer: document.issuer,
  jwksUri: document.jwks_uri,
  audience: cognito.clientId,
});

report({
  origins: [...new Set(urls.map((url) => new URL(url).origin))],
  domain: cognito.domain,
  issuer: config.serverMetadata().issuer,
  verifiedIssuer: (await verifier.verify(idToken)).iss,
});
