# SPDX-License-Identifier: Apache-2.0
#
# Drives the S3 encryption clients of Debian's ruby-aws-sdk-s3 for the interop
# tests. Each line on stdin is a JSON request, each line on stdout its answer:
#
#   {"op":"put"|"get","client":"v1"|"v2"|"v2_and_legacy","bucket":…,"key":…,
#    "file":path of the plaintext,"aes":base64 or "pem":text}
#   {"ok":true} or {"ok":false,"error":"class: message"}
#
# One process serves a whole test, because starting it costs about a second.

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

def encryption_client(req)
  key = req['pem'] ? OpenSSL::PKey::RSA.new(req['pem']) : Base64.strict_decode64(req['aes'])
  return Aws::S3::Encryption::Client.new(client: S3, encryption_key: key) if req['client'] == 'v1'

  Aws::S3::EncryptionV2::Client.new(
    client: S3,
    encryption_key: key,
    key_wrap_schema: req['pem'] ? :rsa_oaep_sha1 : :aes_gcm,
    content_encryption_schema: :aes_gcm_no_padding,
    security_profile: req['client'].to_sym
  )
end

def serve(req)
  client = encryption_client(req)
  where = { bucket: req['bucket'], key: req['key'] }
  case req['op']
  when 'put' then File.open(req['file'], 'rb') { |f| client.put_object(body: f, **where) }
  when 'get' then client.get_object(response_target: req['file'], **where)
  else raise ArgumentError, "unknown op #{req['op']}"
  end
  { ok: true }
rescue StandardError => e
  { ok: false, error: "#{e.class}: #{e.message}" }
end

$stdout.sync = true
$stdin.each_line { |line| puts JSON.generate(serve(JSON.parse(line))) }
