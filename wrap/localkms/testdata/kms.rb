# SPDX-License-Identifier: Apache-2.0
#
# Talks to the handler of package localkms with Debian's ruby-aws-sdk-kms, alone
# and as the KMS of both encryption clients of ruby-aws-sdk-s3, whose S3 is
# stubbed. Each line on stdin is a JSON request, each line on stdout its answer:
#
#   {"op":"generate"|"encrypt"|"decrypt","key_id":…,"context":{…},"blob":base64,"plain":base64}
#     -> {"plain":base64,"blob":base64}
#   {"op":"put","client":"v1"|"v2","key_id":…,"plain":base64}
#     -> {"metadata":{…},"body":base64}
#   {"op":"get","client":"v1"|"v2"|"v2_and_legacy","key_id":…,"metadata":{…},"body":base64}
#     -> {"plain":base64}
#   or {"error":"class of the error"}

require 'aws-sdk-kms'
require 'aws-sdk-s3'
require 'base64'
require 'json'

KMS = Aws::KMS::Client.new(
  endpoint: ENV.fetch('KMS_ENDPOINT'),
  region: 'eu-west-1',
  credentials: Aws::Credentials.new('test', 'test'),
  retry_limit: 0
)

def s3(req)
  client = Aws::S3::Client.new(stub_responses: true, region: 'eu-west-1')
  if req['body']
    body = Base64.strict_decode64(req['body'])
    client.stub_responses(:get_object, lambda { |context|
      range = context.params[:range].to_s[/\Abytes=-(\d+)\z/, 1]
      { body: range ? body[-range.to_i..] : body, metadata: req['metadata'], content_length: body.bytesize }
    })
    client.stub_responses(:head_object, { metadata: req['metadata'], content_length: body.bytesize })
  end
  client
end

def encryption_client(req, client)
  if req['client'] == 'v1'
    return Aws::S3::Encryption::Client.new(client: client, kms_client: KMS, kms_key_id: req['key_id'])
  end

  # Debian's KMS client is older than the parameter by which Decrypt names a key.
  Aws::S3::EncryptionV2::Client.new(
    client: client,
    kms_client: KMS,
    kms_key_id: req['op'] == 'get' ? :kms_allow_decrypt_with_any_cmk : req['key_id'],
    key_wrap_schema: :kms_context,
    content_encryption_schema: :aes_gcm_no_padding,
    security_profile: req['client'].to_sym
  )
end

def put(req)
  client = s3(req)
  encryption_client(req, client).put_object(bucket: 'b', key: 'k', body: Base64.strict_decode64(req['plain']))
  sent = client.api_requests.last[:params]
  sent[:body].rewind
  { metadata: sent[:metadata].transform_values(&:to_s), body: Base64.strict_encode64(sent[:body].read) }
end

def get(req)
  answer = encryption_client(req, s3(req)).get_object(bucket: 'b', key: 'k')
  { plain: Base64.strict_encode64(answer.body.read) }
end

def kms(req)
  context = { encryption_context: req['context'] || {} }
  answer =
    case req['op']
    when 'generate' then KMS.generate_data_key(key_id: req['key_id'], key_spec: 'AES_256', **context)
    when 'encrypt' then KMS.encrypt(key_id: req['key_id'], plaintext: Base64.strict_decode64(req['plain']), **context)
    when 'decrypt' then KMS.decrypt(ciphertext_blob: Base64.strict_decode64(req['blob']), **context)
    else raise ArgumentError, "unknown op #{req['op']}"
    end
  answer.to_h.slice(:plaintext, :ciphertext_blob).to_h do |name, value|
    [name == :plaintext ? :plain : :blob, Base64.strict_encode64(value)]
  end
end

def serve(req)
  case req['op']
  when 'put' then put(req)
  when 'get' then get(req)
  else kms(req)
  end
rescue StandardError => e
  { error: e.class.name, message: e.message }
end

$stdout.sync = true
$stdin.each_line { |line| puts JSON.generate(serve(JSON.parse(line))) }
