// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"testing"

	"github.com/s3seal/s3seal/backend/s3/s3test"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// startRuby starts Debian's real encryption clients.
func startRuby(t *testing.T, srv *s3test.Server, env ...string) *peer {
	t.Helper()
	return s3test.StartRuby(t, srv, "testdata/s3ec.rb", env...)
}

// Why there is no object of Ruby's to read, for the log.
const (
	onlyCBC = "the V1 client writes CBC only, with its oldest wraps"
	onlyGCM = "EncryptionV2 writes V2-GCM only, with the modern wraps"
)

// What is in Ruby's error where it cannot read an object of ours.
const (
	noV3       = "unable to locate encryption envelope" // where V3 is not known there seems to be none
	noLegacy   = "LegacyDecryptionError"
	noCEKAlg   = "Unsupported cek-alg"
	noWrapAlg  = "unsupported key wrapping algorithm"
	noKMSKeyID = "unexpected value at params[:key_id]"
)

// rubyRows is the fixed list, with what cannot be.
var rubyRows = []peerRow{
	{key: "AES", client: "v1", suite: envelope.V1, alg: wrap.AESECB, all: true},
	{key: "AES", client: "v1", suite: envelope.V2GCM, alg: wrap.AESGCM, noWrite: onlyCBC},
	{key: "AES", client: "v1", suite: envelope.V2CBC, alg: wrap.AESGCM, noWrite: onlyCBC, noRead: noCEKAlg},
	{key: "AES", client: "v1", suite: envelope.V2CBC, alg: wrap.AESKW, noWrite: onlyCBC, noRead: noWrapAlg},
	{key: "AES", client: "v1", suite: envelope.V3, alg: wrap.AESGCM, noWrite: onlyCBC, noRead: noV3},
	{key: "AES", client: "v2", suite: envelope.V2GCM, alg: wrap.AESGCM, all: true},
	{key: "AES", client: "v2", suite: envelope.V2GCM, alg: wrap.AESKW, noWrite: onlyGCM, noRead: noWrapAlg},
	{key: "AES", client: "v2", suite: envelope.V1, alg: wrap.AESECB, noWrite: onlyGCM, noRead: noLegacy},
	{key: "AES", client: "v2", suite: envelope.V3, alg: wrap.AESGCM, noWrite: onlyGCM, noRead: noV3},
	{key: "AES", client: "v2_and_legacy", suite: envelope.V1, alg: wrap.AESECB, noWrite: onlyGCM, all: true},
	{key: "AES", client: "v2_and_legacy", suite: envelope.V2GCM, alg: wrap.AESGCM},
	{key: "AES-192", client: "v1", suite: envelope.V1, alg: wrap.AESECB},
	{key: "AES-192", client: "v2", suite: envelope.V2GCM, alg: wrap.AESGCM},
	{key: "AES-128", client: "v1", suite: envelope.V1, alg: wrap.AESECB},
	{key: "AES-128", client: "v2", suite: envelope.V2GCM, alg: wrap.AESGCM},

	{key: "RSA", client: "v1", suite: envelope.V1, alg: wrap.RSAPKCS1, all: true},
	{key: "RSA", client: "v1", suite: envelope.V2GCM, alg: wrap.RSAOAEPSHA1, noWrite: onlyCBC},
	{key: "RSA", client: "v1", suite: envelope.V2CBC, alg: wrap.RSAOAEPSHA1, noWrite: onlyCBC, noRead: noCEKAlg},
	{key: "RSA", client: "v2", suite: envelope.V2GCM, alg: wrap.RSAOAEPSHA1, all: true},
	{key: "RSA", client: "v2", suite: envelope.V1, alg: wrap.RSAPKCS1, noWrite: onlyGCM, noRead: noLegacy},
	{key: "RSA", client: "v2", suite: envelope.V3, alg: wrap.RSAOAEPSHA1, noWrite: onlyGCM, noRead: noV3},
	{key: "RSA", client: "v2_and_legacy", suite: envelope.V1, alg: wrap.RSAPKCS1, noWrite: onlyGCM, all: true},
	{key: "RSA", client: "v2_and_legacy", suite: envelope.V2GCM, alg: wrap.RSAOAEPSHA1},

	{key: "KMS", client: "v1", suite: envelope.V2CBC, alg: wrap.KMSPlain, all: true},
	{key: "KMS", client: "v1", suite: envelope.V2GCM, alg: wrap.KMSPlain, noWrite: onlyCBC},
	{key: "KMS", client: "v1", suite: envelope.V2GCM, alg: wrap.KMSContext, noWrite: onlyCBC},
	{key: "KMS", client: "v1", suite: envelope.V2CBC, alg: wrap.KMSContext, noWrite: onlyCBC},
	{key: "KMS", client: "v2", suite: envelope.V2GCM, alg: wrap.KMSContext, all: true},
	{key: "KMS", client: "v2", suite: envelope.V2GCM, alg: wrap.KMSContext, context: alice},
	{key: "KMS", client: "v2", suite: envelope.V2GCM, alg: wrap.KMSContext, named: true, noRead: noKMSKeyID},
	{key: "KMS", client: "v2", suite: envelope.V2CBC, alg: wrap.KMSPlain, noWrite: onlyGCM, noRead: noLegacy},
	{key: "KMS", client: "v2", suite: envelope.V3, alg: wrap.KMSContext, noWrite: onlyGCM, noRead: noV3},
	{key: "KMS", client: "v2_and_legacy", suite: envelope.V2CBC, alg: wrap.KMSPlain, noWrite: onlyGCM, all: true},
	{key: "KMS", client: "v2_and_legacy", suite: envelope.V2GCM, alg: wrap.KMSContext},
}

// TestRubyMatrix runs every row on every server.
func TestRubyMatrix(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		newPeerMatrix(t, srv, startRuby).run(t, rubyRows)
	})
}

// TestRubyOtherKey proves that the matrix cannot pass by accident: what is under
// another key is not opened on either side, nor what has another context.
func TestRubyOtherKey(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		m := newPeerMatrix(t, srv, startRuby)
		row := &peerRow{key: "KMS", client: "v2", suite: envelope.V2GCM, alg: wrap.KMSContext, context: alice}
		m.testTheirOtherKey(t, row)
		m.testTheirOtherKey(t, &peerRow{key: "KMS", client: "v1", suite: envelope.V2CBC, alg: wrap.KMSPlain})
		m.testOurOtherKey(t, row, "encryption context", func(req *peerRequest) { req.Context = map[string]string{"user": "bob"} })
		row = &peerRow{key: "AES", client: "v2", suite: envelope.V2GCM, alg: wrap.AESGCM}
		m.testOurOtherKey(t, row, "CipherError", func(req *peerRequest) { req.AES = aesKey(t, "AES", 32).aes })
	})
}
