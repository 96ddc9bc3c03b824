// AWS SDK for JavaScript v3: the identity pool, two roles, and S3 with their credentials.

import { CognitoIdentityClient, GetIdCommand } from "@aws-sdk/client-cognito-identity";
import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { fromCognitoIdentityPool } from "@aws-sdk/credential-providers";
import { cognito, report } from "./common.mjs";
import { tokensOfSignIn } from "./sign_in.mjs";

const tokens = await tokensOfSignIn();
const idToken = tokens.id_token;
const roles = tokens.claims()["cognito:roles"];
const provider = cognito.issuer.replace("https://", "");
const region = cognito.region;
const [Bucket, Key] = [process.env.FOREIGN_BUCKET, process.env.FOREIGN_KEY];

// Returns S3 with the credentials of a role; without one, the identity pool chooses.
function s3As(role, logins = { [provider]: idToken }) {
  const arn = roles.find((each) => each.endsWith(role));
  const credentials = fromCognitoIdentityPool({
    clientConfig: { region },
    identityPoolId: cognito.identityPoolId,
    logins,
    ...(role && { customRoleArn: arn ?? `${roles[0]}-${role}` }),
  });
  return new S3Client({ region, credentials, maxAttempts: 1 });
}

async function outcome(call) {
  try {
    const { $metadata, Body } = await call();
    return Body ? (await Body.transformToString()).split("\n")[0] : $metadata.httpStatusCode;
  } catch (error) {
    return { name: error.name, message: error.message, status: error.$metadata?.httpStatusCode };
  }
}

const read = (s3) => outcome(() => s3.send(new GetObjectCommand({ Bucket, Key })));
const write = (s3) => outcome(() => s3.send(new PutObjectCommand({ Bucket, Key: "foreign/note.txt", Body: "note" })));
const identity = (parameters) =>
  outcome(() => new CognitoIdentityClient({ region, maxAttempts: 1 }).send(new GetIdCommand(parameters)));
const Logins = { [provider]: idToken };

report({
  analystReads: await read(s3As("Analyst")),
  analystWrites: await write(s3As("Analyst")),
  uploaderWrites: await write(s3As("Uploader")),
  poolChooses: await read(s3As("")),
  unknownRole: await read(s3As("Unknown")),
  accessTokenInLogins: await read(s3As("Analyst", { [provider]: tokens.access_token })),
  expiration: typeof (await s3As("Analyst").config.credentials()).expiration?.getTime(),
  noLogins: await identity({ IdentityPoolId: cognito.identityPoolId }),
  unknownPool: await identity({ IdentityPoolId: `${region}:00000000-0000-4000-8000-000000000000`, Logins }),
  malformedPool: await identity({ IdentityPoolId: "nonsense", Logins }),
});
