# SPDX-License-Identifier: Apache-2.0
#
# Drives the S3 encryption clients of Debian's ruby-aws-sdk-s3 for the interop
# tests. Each line on stdin is a JSON request, each line on stdout its answer:
#
#   {"op":"put"|"get","client":"v1"|"v2"|"v2_and_legacy","bucket":…,"key":…,
#    "file":path of the plaintext,
#    "aes":base64, "pem":text or "kms":key id,
#    "context":{…} of a modern KMS wrap, "named":true to decrypt by that key id,
#    "location":"metadata"|"instruction_file"}
#   {"ok":true} or {"ok":false,"error":"class: message"}
#
# The KMS is at KMS_ENDPOINT. One process serves a whole test, because starting
# it costs about a second.

require 'aws-sdk-kms'
require 'aws-sdk-s3'
require 'base64'
require 'json'
require 'openssl'

S3 = Aws::S3::Client.new(
  endpoint: ENV.fetch('S3_ENDPOINT'),
  region: ENV.fetch('S3_REGION'),
  credentials: Aws::Credentials.new(ENV.fetch('S3_ACCESS_KEY'), ENV.fetch('S3_SECRET_KEY')),
  force_path_style: true
)

KMS = Aws::KMS::Client.new(
  endpoint: ENV.fetch('KMS_ENDPOINT', 'http://127.0.0.1:1'),
  region: ENV.fetch('S3_REGION'),
  credentials: Aws::Credentials.new('test', 'test'),
  retry_limit: 0
)

# key_options name the key and, for EncryptionV2, the one wrap that goes with it.
def key_options(req)
  if req['kms']
    # Debian's KMS client is older than the parameter by which Decrypt names a key.
    any = req['op'] == 'get' && req['client'] != 'v1' && !req['named']
    [{ kms_client: KMS, kms_key_id: any ? :kms_allow_decrypt_with_any_cmk : req['kms'] }, :kms_context]
  elsif req['pem']
    [{ encryption_key: OpenSSL::PKey::RSA.new(req['pem']) }, :rsa_oaep_sha1]
  else
    [{ encryption_key: Base64.strict_decode64(req['aes']) }, :aes_gcm]
  end
end

def encryption_client(req)
  key, wrap = key_options(req)
  options = { client: S3, envelope_location: (req['location'] || 'metadata').to_sym, **key }
  return Aws::S3::Encryption::Client.new(**options) if req['client'] == 'v1'

  Aws::S3::EncryptionV2::Client.new(
    **options,
    key_wrap_schema: wrap,
    content_encryption_schema: :aes_gcm_no_padding,
    security_profile: req['client'].to_sym
  )
end

def serve(req)
  client = encryption_client(req)
  params = { bucket: req['bucket'], key: req['key'] }
  params[:kms_encryption_context] = req['context'] if req['context']
  case req['op']
  when 'put' then File.open(req['file'], 'rb') { |f| client.put_object(body: f, **params) }
  when 'get' then client.get_object(response_target: req['file'], **params)
  else raise ArgumentError, "unknown op #{req['op']}"
  end
  { ok: true }
rescue StandardError => e
  { ok: false, error: "#{e.class}: #{e.message}" }
end

$stdout.sync = true
$stdin.each_line { |line| puts JSON.generate(serve(JSON.parse(line))) }
