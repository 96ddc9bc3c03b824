// A single-page application with oidc-client-ts, in a browser: every request is a cross-origin request.

import { UserManager } from "oidc-client-ts";

const { domain, clientId, redirectUri, userPoolId } = window.settings;
const manager = new UserManager({
  authority: `${domain}/${userPoolId}`,
  client_id: clientId,
  redirect_uri: redirectUri,
  scope: "openid email",
  automaticSilentRenew: false,
  loadUserInfo: true,
  revokeTokenTypes: ["refresh_token"],
});

window.signIn = () => manager.signinRedirect();

async function outcome() {
  const user = await manager.signinRedirectCallback();
  const oldToken = user.access_token;
  const refreshed = await manager.signinSilent();
  await manager.revokeTokens();
  await manager.storeUser(refreshed);
  const afterRevocation = await manager.signinSilent().then(
    () => null,
    (error) => error.error ?? String(error),
  );
  return { email: user.profile.email, refreshed: refreshed.access_token !== oldToken, afterRevocation };
}

if (location.search.includes("code=")) window.outcome = outcome();
