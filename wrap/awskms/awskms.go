// SPDX-License-Identifier: Apache-2.0

// Package awskms lets keys of package wrap use AWS KMS, through the client of
// the AWS SDK for Go, version 2.
//
// The caller makes the client: region, credentials, retries and endpoint are
// decided there and nowhere else. A program that has no use for the SDK's
// config package, which reads the variable AWS_ENDPOINT_URL_KMS, sets
// Options.BaseEndpoint itself.
//
// The permissions needed are kms:GenerateDataKey and kms:Encrypt for writing and
// kms:Decrypt for reading, each on the one key.
//
// # What was rejected
//
// Making the client here, from a region and a profile: there are more ways to
// configure the SDK than options that this package could have. Decrypt without a
// key ID, which AWS allows for symmetric keys: the blob would name the key, and who
// writes objects has chosen the blob. Taking the ARN that an object names from its
// metadata, for the same reason.
package awskms

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/s3seal/s3seal/wrap"
)

// maxBlobSize is what Decrypt of AWS KMS takes, in bytes.
const maxBlobSize = 6144

// A Client is what [New] needs of a [*kms.Client]. Implementations must be safe
// for concurrent use.
type Client interface {
	// GenerateDataKey makes a key and encrypts it.
	GenerateDataKey(context.Context, *kms.GenerateDataKeyInput, ...func(*kms.Options)) (*kms.GenerateDataKeyOutput, error)

	// Encrypt encrypts up to 4096 bytes.
	Encrypt(context.Context, *kms.EncryptInput, ...func(*kms.Options)) (*kms.EncryptOutput, error)

	// Decrypt decrypts what one of the others has encrypted.
	Decrypt(context.Context, *kms.DecryptInput, ...func(*kms.Options)) (*kms.DecryptOutput, error)
}

type service struct {
	client *Client // a pointer, because fmt looks behind one where it cannot ask
}

// New returns a [wrap.KMS] that asks client. Key IDs are what AWS takes: a key
// ID, an alias with "alias/" before it, or the ARN of either. Only the ARNs name
// a key of another account. Keys must be symmetric.
//
// Every Decrypt names the key, so that AWS refuses what another key, of this
// account or an attacker's, has encrypted. That refusal
// (IncorrectKeyException), and that of an altered blob or another context
// (InvalidCiphertextException), is [wrap.ErrUnwrap], as is, without a call, a
// blob that AWS would not look at because it is empty or over 6144 bytes. All
// other errors are passed through wrapped, among them a key that does not exist,
// is disabled or waits for its deletion, denied access, throttling, and the end
// of ctx: there the blob may be good.
//
// The result is safe for concurrent use.
func New(client Client) (wrap.KMS, error) {
	if client == nil {
		return nil, errors.New("wrap/awskms: missing client")
	}
	return &service{&client}, nil
}

// String names the type of the client, and nothing that it holds.
func (s *service) String() string { return fmt.Sprintf("awskms.KMS(%T)", *s.client) }

// Format prints String for every verb: fmt would look into a client that is no
// pointer, and print its credentials.
func (s *service) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// LogValue returns what String returns, for package log/slog.
func (s *service) LogValue() slog.Value { return slog.StringValue(s.String()) }

func (s *service) GenerateDataKey(ctx context.Context, keyID string, size int, encCtx map[string]string) (plain, blob []byte, err error) {
	in := &kms.GenerateDataKeyInput{KeyId: &keyID, EncryptionContext: encCtx}
	switch size {
	case 32:
		in.KeySpec = types.DataKeySpecAes256
	case 16:
		in.KeySpec = types.DataKeySpecAes128
	default:
		if size < 1 || size > 1024 {
			return nil, nil, fmt.Errorf("wrap/awskms: data key: want 1 to 1024 bytes, got %d", size)
		}
		in.NumberOfBytes = aws.Int32(int32(size))
	}
	out, err := (*s.client).GenerateDataKey(ctx, in)
	if err != nil {
		return nil, nil, fmt.Errorf("wrap/awskms: generate data key: %w", err)
	}
	if out == nil {
		return nil, nil, errNoAnswer
	}
	return out.Plaintext, out.CiphertextBlob, nil
}

// errNoAnswer is for clients that are not the SDK's.
var errNoAnswer = errors.New("wrap/awskms: the client returned neither an answer nor an error")

func (s *service) Encrypt(ctx context.Context, keyID string, plain []byte, encCtx map[string]string) ([]byte, error) {
	out, err := (*s.client).Encrypt(ctx, &kms.EncryptInput{KeyId: &keyID, Plaintext: plain, EncryptionContext: encCtx})
	if err != nil {
		return nil, fmt.Errorf("wrap/awskms: encrypt: %w", err)
	}
	if out == nil {
		return nil, errNoAnswer
	}
	return out.CiphertextBlob, nil
}

func (s *service) Decrypt(ctx context.Context, keyID string, blob []byte, encCtx map[string]string) ([]byte, error) {
	if len(blob) == 0 || len(blob) > maxBlobSize {
		return nil, wrap.ErrUnwrap
	}
	out, err := (*s.client).Decrypt(ctx, &kms.DecryptInput{KeyId: &keyID, CiphertextBlob: blob, EncryptionContext: encCtx})
	switch {
	case rejected(err):
		return nil, wrap.ErrUnwrap // without the cause: one text for every rejection
	case err != nil:
		return nil, fmt.Errorf("wrap/awskms: decrypt: %w", err)
	case out == nil:
		return nil, errNoAnswer
	}
	return out.Plaintext, nil
}

// rejected tells what is the blob's fault from what is the service's.
func rejected(err error) bool {
	_, invalid := errors.AsType[*types.InvalidCiphertextException](err)
	_, foreign := errors.AsType[*types.IncorrectKeyException](err)
	return invalid || foreign
}
