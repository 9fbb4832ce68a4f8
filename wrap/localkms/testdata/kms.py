# SPDX-License-Identifier: Apache-2.0
#
# Talks to the handler of package localkms with boto3, by the protocol of kms.rb.

import base64
import json
import os
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

KMS = boto3.client(
    "kms",
    endpoint_url=os.environ["KMS_ENDPOINT"],
    region_name="eu-west-1",
    aws_access_key_id="test",
    aws_secret_access_key="test",
    config=Config(retries={"max_attempts": 0}),
)


def serve(req):
    args = {"KeyId": req["key_id"], "EncryptionContext": req.get("context", {})}
    if req["op"] == "generate":
        answer = KMS.generate_data_key(KeySpec="AES_256", **args)
    elif req["op"] == "encrypt":
        answer = KMS.encrypt(Plaintext=base64.b64decode(req["plain"]), **args)
    else:
        answer = KMS.decrypt(CiphertextBlob=base64.b64decode(req["blob"]), **args)
    names = {"Plaintext": "plain", "CiphertextBlob": "blob"}
    return {short: base64.b64encode(answer[name]).decode() for name, short in names.items() if name in answer}


for line in sys.stdin:
    try:
        result = serve(json.loads(line))
    except ClientError as error:
        result = {"error": error.response["Error"]["Code"], "message": str(error)}
    print(json.dumps(result), flush=True)
