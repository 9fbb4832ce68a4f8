// SPDX-License-Identifier: Apache-2.0

//lint:file-ignore SA1019 the SDK is at its end, but what it has written is still there

package main

import (
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go/service/s3"
	"github.com/aws/aws-sdk-go/service/s3/s3crypto"
)

const (
	aesGCM      = s3crypto.AESGCMNoPadding
	aesCBC      = s3crypto.AESCBC + "/PKCS5Padding"
	aesCBCPKCS7 = s3crypto.AESCBC + "/PKCS7Padding" // the same under another name, by the exported padder
)

type putter interface {
	PutObject(*s3.PutObjectInput) (*s3.PutObjectOutput, error)
}

type getter interface {
	GetObject(*s3.GetObjectInput) (*s3.GetObjectOutput, error)
}

// writer returns a client that puts what r asks for.
func (p *peer) writer(r *request) (putter, error) {
	builder, err := p.builder(r)
	if err != nil {
		return nil, err
	}
	var save s3crypto.SaveStrategy
	switch r.Location {
	case "metadata":
		save = s3crypto.HeaderV2SaveStrategy{}
	case "instruction_file":
		save = s3crypto.S3SaveStrategy{Client: p.s3}
	default:
		return nil, fmt.Errorf("unknown location %q", r.Location)
	}
	if r.Client == "v1" {
		return s3crypto.NewEncryptionClient(p.session, builder, func(c *s3crypto.EncryptionClient) { c.SaveStrategy = save }), nil
	}
	return s3crypto.NewEncryptionClientV2(p.session, builder, func(o *s3crypto.EncryptionClientOptions) { o.SaveStrategy = save })
}

// builder returns a maker of content keys and ciphers. Not each goes with each
// client, which is for the client to say.
func (p *peer) builder(r *request) (s3crypto.ContentCipherBuilder, error) {
	description := make(s3crypto.MaterialDescription)
	for name, value := range r.Context {
		description[name] = &value
	}
	if r.Wrap == s3crypto.KMSContextWrap && r.Content == aesGCM {
		return s3crypto.AESGCMContentCipherBuilderV2(s3crypto.NewKMSContextKeyGenerator(p.kms, r.KMS, description)), nil
	}
	if r.Wrap == s3crypto.KMSWrap {
		key := s3crypto.NewKMSKeyGeneratorWithMatDesc(p.kms, r.KMS, description)
		switch r.Content {
		case aesGCM:
			return s3crypto.AESGCMContentCipherBuilder(key), nil
		case aesCBC:
			return s3crypto.AESCBCContentCipherBuilder(key, s3crypto.AESCBCPadder), nil
		case aesCBCPKCS7:
			return s3crypto.AESCBCContentCipherBuilder(key, s3crypto.NewPKCS7Padder(16)), nil
		}
	}
	return nil, fmt.Errorf("s3crypto cannot express content %s under wrap %s", r.Content, r.Wrap)
}

// reader returns a client that gets what r asks for.
func (p *peer) reader(r *request) (getter, error) {
	var load s3crypto.LoadStrategy // nil leaves the client its own, which looks in both places
	switch r.Location {
	case "":
	case "metadata":
		load = s3crypto.HeaderV2LoadStrategy{}
	case "instruction_file":
		load = s3crypto.S3LoadStrategy{Client: p.s3}
	default:
		return nil, fmt.Errorf("unknown location %q", r.Location)
	}
	if r.Client == "v1" {
		return s3crypto.NewDecryptionClient(p.session, func(c *s3crypto.DecryptionClient) {
			if load != nil {
				c.LoadStrategy = load
			}
		}), nil
	}
	registry, err := p.registry(r)
	if err != nil {
		return nil, err
	}
	return s3crypto.NewDecryptionClientV2(p.session, registry, func(o *s3crypto.DecryptionClientOptions) {
		if load != nil {
			o.LoadStrategy = load
		}
	})
}

// registry lists what a V2 client reads. What is modern is what the SDK tells
// its users to register; the rest is there for those who have old objects.
func (p *peer) registry(r *request) (*s3crypto.CryptoRegistry, error) {
	c := s3crypto.NewCryptoRegistry()
	errs := []error{s3crypto.RegisterAESGCMContentCipher(c)}
	legacy := r.Client == "v2_and_legacy"
	if legacy {
		errs = append(errs, s3crypto.RegisterAESCBCContentCipher(c, s3crypto.AESCBCPadder))
	}
	if r.Named {
		errs = append(errs, s3crypto.RegisterKMSContextWrapWithCMK(c, p.kms, r.KMS))
	} else {
		errs = append(errs, s3crypto.RegisterKMSContextWrapWithAnyCMK(c, p.kms))
	}
	switch {
	case legacy && r.Named:
		errs = append(errs, s3crypto.RegisterKMSWrapWithCMK(c, p.kms, r.KMS))
	case legacy:
		errs = append(errs, s3crypto.RegisterKMSWrapWithAnyCMK(c, p.kms))
	}
	return c, errors.Join(errs...)
}
