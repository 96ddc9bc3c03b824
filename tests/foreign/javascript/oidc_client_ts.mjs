// oidc-client-ts: discovery, PKCE, userInfo, a refresh and a revocation, as a single-page application does them.

import { InMemoryWebStorage, UserManager, WebStorageStateStore } from "oidc-client-ts";
import { cognito, errorOf, report, routed, signIn } from "./common.mjs";

const platformFetch = globalThis.fetch;
const contentTypes = {};
globalThis.fetch = async (url, options) => {
  const response = await platformFetch(routed(url), options);
  contentTypes[new URL(url).pathname.split("/").pop()] = response.headers.get("Content-Type");
  return response;
};

// The browser's window: it opens the URL, and the application starts again at the redirect URI.
let callback;
const redirectNavigator = {
  prepare: async () => ({
    navigate: async ({ url }) => {
      callback = await signIn(url);
    },
    close() {},
  }),
};

const manager = new UserManager(
  {
    authority: cognito.issuer,
    client_id: cognito.clientId,
    redirect_uri: cognito.redirectUri,
    client_secret: cognito.clientSecret || undefined,
    scope: "openid email",
    automaticSilentRenew: false,
    loadUserInfo: true,
    // Cognito revokes refresh tokens only.
    revokeTokenTypes: ["refresh_token"],
    stateStore: new WebStorageStateStore({ store: new InMemoryWebStorage() }),
    userStore: new WebStorageStateStore({ store: new InMemoryWebStorage() }),
  },
  redirectNavigator,
);

await manager.signinRedirect();
const user = await manager.signinRedirectCallback(callback);
const refreshed = await manager.signinSilent();
// signinSilent changes the user that it returns: the old token was read before.
const rotated = refreshed.refresh_token !== user.refresh_token;
const accessTokenRevocation = await errorOf(() => manager.revokeTokens(["access_token"]));
await manager.revokeTokens();
await manager.storeUser(refreshed);

report({
  profile: user.profile,
  scope: user.scope ?? null,
  refreshed: refreshed.access_token !== user.access_token,
  rotated,
  accessTokenRevocation,
  refreshAfterRevocation: await errorOf(() => manager.signinSilent()),
  contentTypeOfRevocation: contentTypes.revoke,
});
