// aws-jwt-verify: AWS's own verifier of id and access tokens.

import { CognitoJwtVerifier } from "aws-jwt-verify";
import { SimpleJwksCache } from "aws-jwt-verify/jwk";
import { cognito, errorOf, report, routed } from "./common.mjs";
import { tokensOfSignIn } from "./sign_in.mjs";

const fetched = [];
const fetcher = {
  async fetch(uri) {
    fetched.push(uri);
    return (await fetch(routed(uri))).arrayBuffer();
  },
};
const verifier = (properties) =>
  CognitoJwtVerifier.create(
    { userPoolId: cognito.userPoolId, clientId: cognito.clientId, ...properties },
    { jwksCache: new SimpleJwksCache({ fetcher }) },
  );

const { id_token: idToken, access_token: accessToken } = await tokensOfSignIn();
const [header, payload, signature] = idToken.split(".");
const changed = `${header}.${payload}.${signature.startsWith("A") ? "B" : "A"}${signature.slice(1)}`;
const otherPool = `${cognito.region}_Another01`;

report({
  idClaims: await verifier({ tokenUse: "id" }).verify(idToken),
  accessClaims: await verifier({ tokenUse: "access", scope: "email" }).verify(accessToken),
  groupMember: await errorOf(() => verifier({ tokenUse: "id", groups: ["Analyst"] }).verify(idToken)),
  idTokenAsAccessToken: await errorOf(() => verifier({ tokenUse: "access" }).verify(idToken)),
  anotherClient: await errorOf(() => verifier({ tokenUse: "id", clientId: "another" }).verify(idToken)),
  anotherPool: await errorOf(() => verifier({ tokenUse: "id", userPoolId: otherPool }).verify(idToken)),
  changedSignature: await errorOf(() => verifier({ tokenUse: "id" }).verify(changed)),
  fetched: [...new Set(fetched)],
});
