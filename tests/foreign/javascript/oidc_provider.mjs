// oidc-provider, set like a Cognito user pool: its paths, its claims, an app client, and rotation.
// It serves until its standard input ends. The first line of its output says where.

import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const { FOREIGN_ISSUER: issuer, FOREIGN_REDIRECT_URI: redirectUri, FOREIGN_CLIENT_ID: clientId } = process.env;
const clientSecret = process.env.FOREIGN_CLIENT_SECRET;
const poolPath = new URL(issuer).pathname;
const roles = ["Analyst", "Uploader"].map((name) => `arn:aws:iam::123456789012:role/${name}`);
const resource = "urn:example:pool";

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: clientId,
      application_type: "native",
      token_endpoint_auth_method: clientSecret ? "client_secret_basic" : "none",
      ...(clientSecret && { client_secret: clientSecret }),
      redirect_uris: [redirectUri],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
    },
  ],
  pkce: { required: () => true },
  rotateRefreshToken: true,
  issueRefreshToken: () => true,
  conformIdTokenClaims: false,
  claims: { openid: ["sub", "token_use", "cognito:username", "cognito:roles"], email: ["email", "email_verified"] },
  findAccount: (_context, sub) => ({
    accountId: sub,
    claims: () => ({
      sub,
      token_use: "id",
      email: "demo@example.org",
      email_verified: true,
      "cognito:username": "demo",
      "cognito:roles": roles,
    }),
  }),
  extraTokenClaims: () => ({ token_use: "access", username: "demo" }),
  features: {
    devInteractions: { enabled: false },
    revocation: { enabled: true },
    // An access token is a JWT only for a resource.
    resourceIndicators: {
      enabled: true,
      defaultResource: () => resource,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({ scope: "openid email", accessTokenFormat: "jwt", jwt: { sign: { alg: "RS256" } } }),
    },
  },
  routes: {
    authorization: "/oauth2/authorize",
    token: "/oauth2/token",
    revocation: "/oauth2/revoke",
    userinfo: "/oauth2/userInfo",
    jwks: `${poolPath}/.well-known/jwks.json`,
  },
  interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
  cookies: { keys: ["a key of this test"] },
});

// The sign-in page: the user has typed a password, and agrees.
async function interact(request, response) {
  const { prompt, params } = await provider.interactionDetails(request, response);
  if (prompt.name === "login") {
    await provider.interactionFinished(request, response, { login: { accountId: "0a1b2c3d-demo" } });
    return;
  }
  const grant = new provider.Grant({ accountId: "0a1b2c3d-demo", clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  grant.addResourceScope(resource, params.scope);
  const grantId = await grant.save();
  await provider.interactionFinished(request, response, { consent: { grantId } }, { mergeWithLastSubmission: true });
}

const serve = provider.callback();
const server = createServer((request, response) => {
  if (request.url.startsWith("/interaction/")) {
    interact(request, response).catch((error) => {
      response.writeHead(500).end(String(error));
    });
  } else {
    // Cognito has its configuration below the pool's path.
    request.url = request.url.replace(`${poolPath}/.well-known/openid-configuration`, "/.well-known/openid-configuration");
    serve(request, response);
  }
});
provider.on("server_error", (_context, error) => console.error(error));
server.listen(0, "localhost", () => console.log(JSON.stringify({ url: `http://localhost:${server.address().port}` })));
process.stdin.resume().on("end", () => process.exit(0));
