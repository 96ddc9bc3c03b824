// A single-page application with AWS Amplify, in a browser: hosted sign-in, tokens, and the identity pool.

import {
  cognitoCredentialsProvider,
  cognitoUserPoolsTokenProvider,
  getCurrentUser,
  signInWithRedirect,
  signOut,
} from "@aws-amplify/auth/cognito";
import { Amplify, fetchAuthSession, Hub } from "@aws-amplify/core";

const { domain, clientId, redirectUri, userPoolId, identityPoolId, signedOutUri } = window.settings;
const redirected = new Promise((resolve) => {
  Hub.listen("auth", ({ payload }) => {
    if (payload.event.startsWith("signInWithRedirect")) resolve(payload);
  });
});

const Auth = {
  Cognito: {
    userPoolId,
    userPoolClientId: clientId,
    identityPoolId,
    identityPoolEndpoint: domain,
    loginWith: {
      oauth: {
        domain: domain.replace("https://", ""),
        scopes: ["openid", "email"],
        redirectSignIn: [redirectUri],
        redirectSignOut: [signedOutUri],
        responseType: "code",
      },
    },
  },
};
// As the package aws-amplify does it, which brings much more than sign-ins.
cognitoUserPoolsTokenProvider.setAuthConfig(Auth);
Amplify.configure(
  { Auth },
  { Auth: { tokenProvider: cognitoUserPoolsTokenProvider, credentialsProvider: cognitoCredentialsProvider } },
);

window.signIn = () => signInWithRedirect();
window.signOut = () => signOut();

async function outcome() {
  const { event, data } = await redirected;
  if (event !== "signInWithRedirect") throw data.error.underlyingError ?? data.error;
  const { tokens, credentials, identityId } = await fetchAuthSession();
  return {
    username: (await getCurrentUser()).username,
    issuer: tokens.idToken.payload.iss,
    accessKeyId: credentials.accessKeyId,
    expires: credentials.expiration.getTime() / 1000,
    identityId,
  };
}

if (location.search.includes("code=")) window.outcome = outcome();
