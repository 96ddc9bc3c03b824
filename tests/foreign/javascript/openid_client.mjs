// openid-client: discovery, PKCE, the id token's signature, userInfo, a refresh and a revocation.

import * as client from "openid-client";
import { cognito, errorOf, report, routedFetch, signIn } from "./common.mjs";

const authentication = {
  none: () => client.None(),
  basic: () => client.ClientSecretBasic(cognito.clientSecret),
  post: () => client.ClientSecretPost(cognito.clientSecret),
}[process.env.FOREIGN_AUTHENTICATION ?? "none"]();
const config = await client.discovery(new URL(cognito.issuer), cognito.clientId, undefined, authentication, {
  [client.customFetch]: routedFetch,
});
// Without this it trusts TLS in place of the signature.
client.enableNonRepudiationChecks(config);

const pkceCodeVerifier = client.randomPKCECodeVerifier();
const expectedState = client.randomState();
const expectedNonce = process.env.FOREIGN_NO_NONCE ? undefined : client.randomNonce();
const url = client.buildAuthorizationUrl(config, {
  redirect_uri: cognito.redirectUri,
  scope: "openid email",
  code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
  code_challenge_method: "S256",
  state: expectedState,
  ...(expectedNonce && { nonce: expectedNonce }),
  ...(process.env.FOREIGN_PROVIDER && { identity_provider: process.env.FOREIGN_PROVIDER }),
});
const callback = new URL(await signIn(url));
const checks = { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true };
const tokens = await client.authorizationCodeGrant(config, callback, checks);
const claims = tokens.claims();
const codeUsedTwice = await errorOf(() => client.authorizationCodeGrant(config, callback, checks));
const userInfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token);
const newest = refreshed.refresh_token ?? tokens.refresh_token;
const rotated = newest !== tokens.refresh_token;
const rotatedTwice = rotated && (await errorOf(() => client.refreshTokenGrant(config, tokens.refresh_token)));
await client.tokenRevocation(config, newest);

report({
  issuer: config.serverMetadata().issuer,
  claims,
  codeUsedTwice,
  userInfo,
  refreshedClaims: refreshed.claims(),
  rotated,
  rotatedTwice,
  refreshAfterRevocation: await errorOf(() => client.refreshTokenGrant(config, newest)),
});
