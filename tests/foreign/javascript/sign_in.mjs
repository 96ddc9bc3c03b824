// Tokens for clients that only use them.

import * as client from "openid-client";
import { cognito, routedFetch, signIn } from "./common.mjs";

// Returns the tokens of a sign-in.
export async function tokensOfSignIn() {
  const config = await client.discovery(new URL(cognito.issuer), cognito.clientId, undefined, client.None(), {
    [client.customFetch]: routedFetch,
  });
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const expectedState = client.randomState();
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: cognito.redirectUri,
    scope: "openid email",
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: "S256",
    state: expectedState,
  });
  const callback = new URL(await signIn(url));
  return client.authorizationCodeGrant(config, callback, { pkceCodeVerifier, expectedState });
}
