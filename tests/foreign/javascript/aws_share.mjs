// AWS SDK for JavaScript v3: one client reads S3 for some seconds, and finds its credentials by itself.

import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";

const { FOREIGN_BUCKET: Bucket, FOREIGN_KEY: Key, SECONDS } = process.env;
const s3 = new S3Client({ forcePathStyle: true, maxAttempts: 1 });
const until = Date.now() + Number(SECONDS) * 1000;
let reads = 0;
while (Date.now() < until) {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
  await Body.transformToString();
  reads += 1;
  await new Promise((resolve) => setTimeout(resolve, 300));
}
console.log(reads);
