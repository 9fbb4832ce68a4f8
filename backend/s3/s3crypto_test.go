// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"testing"

	"github.com/s3seal/s3seal/backend/s3/s3test"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// s3cryptoStarter starts the clients of aws-sdk-go v1, which are in a module of
// their own.
func s3cryptoStarter(t *testing.T) starter {
	t.Helper()
	bin := s3test.Program(t, "s3crypto")
	return func(t *testing.T, srv *s3test.Server, env ...string) *peer {
		t.Helper()
		return s3test.StartS3crypto(t, srv, bin, env...)
	}
}

// What s3crypto says where it cannot read or write.
const (
	noBuilder  = "s3crypto cannot express"
	notTheirs  = "attempted to use deprecated or incompatible cipher builder"
	noWrapName = "InvalidWrapAlgorithmError"
	noCEKName  = "InvalidCEKAlgorithmError"
)

// s3cryptoRows is the fixed list, with what cannot be: writing by V2 clients what
// they call legacy, anything without a KMS, and any format but V2.
var s3cryptoRows = []peerRow{
	{key: "KMS", client: "v1", suite: envelope.V2CBC, alg: wrap.KMSPlain, all: true},
	{key: "KMS", client: "v1", suite: envelope.V2CBC, alg: wrap.KMSPlain, context: alice},
	{key: "KMS", client: "v1", suite: envelope.V2CBC, alg: wrap.KMSPlain, cek: "AES/CBC/PKCS7Padding"},
	{key: "KMS", client: "v1", suite: envelope.V2GCM, alg: wrap.KMSPlain, all: true},
	{key: "KMS", client: "v1", suite: envelope.V2GCM, alg: wrap.KMSPlain, context: notASCII},
	{key: "KMS", client: "v1", suite: envelope.V2GCM, alg: wrap.KMSContext, refusal: notTheirs},
	{key: "KMS", client: "v1", suite: envelope.V2CBC, alg: wrap.KMSContext, refusal: noBuilder},
	{key: "KMS", client: "v1", suite: envelope.V3, alg: wrap.KMSContext, refusal: noBuilder, noRead: noWrapName},

	{key: "KMS", client: "v2", suite: envelope.V2GCM, alg: wrap.KMSContext, all: true},
	{key: "KMS", client: "v2", suite: envelope.V2GCM, alg: wrap.KMSContext, context: alice},
	{key: "KMS", client: "v2", suite: envelope.V2GCM, alg: wrap.KMSContext, context: notASCII},
	{key: "KMS", client: "v2", suite: envelope.V2GCM, alg: wrap.KMSContext, named: true},
	{key: "KMS", client: "v2", suite: envelope.V2GCM, alg: wrap.KMSPlain, refusal: notTheirs, noRead: noWrapName},
	{key: "KMS", client: "v2", suite: envelope.V2CBC, alg: wrap.KMSPlain, refusal: notTheirs, noRead: noWrapName},
	{key: "KMS", client: "v2", suite: envelope.V2CBC, alg: wrap.KMSContext, refusal: noBuilder, noRead: noCEKName},
	{key: "KMS", client: "v2", suite: envelope.V3, alg: wrap.KMSContext, refusal: noBuilder, noRead: noWrapName},

	{key: "KMS", client: "v2_and_legacy", suite: envelope.V2GCM, alg: wrap.KMSContext},
	{key: "KMS", client: "v2_and_legacy", suite: envelope.V2GCM, alg: wrap.KMSPlain, refusal: notTheirs},
	{key: "KMS", client: "v2_and_legacy", suite: envelope.V2CBC, alg: wrap.KMSPlain, refusal: notTheirs, all: true},
	{key: "KMS", client: "v2_and_legacy", suite: envelope.V2CBC, alg: wrap.KMSPlain, refusal: notTheirs, named: true},
	{key: "KMS", client: "v2_and_legacy", suite: envelope.V2CBC, alg: wrap.KMSContext, refusal: noBuilder},

	{key: "AES", client: "v1", suite: envelope.V1, alg: wrap.AESECB, refusal: noBuilder, noRead: noWrapName},
	{key: "AES", client: "v1", suite: envelope.V2GCM, alg: wrap.AESGCM, refusal: noBuilder, noRead: noWrapName},
	{key: "AES", client: "v2_and_legacy", suite: envelope.V2CBC, alg: wrap.AESKW, refusal: noBuilder, noRead: noWrapName},
	{key: "AES", client: "v2_and_legacy", suite: envelope.V2GCM, alg: wrap.AESGCM, refusal: noBuilder, noRead: noWrapName},
	{key: "RSA", client: "v2_and_legacy", suite: envelope.V2GCM, alg: wrap.RSAOAEPSHA1, refusal: noBuilder, noRead: noWrapName},
}

// TestS3cryptoMatrix runs every row on every server.
func TestS3cryptoMatrix(t *testing.T) {
	start := s3cryptoStarter(t)
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		newPeerMatrix(t, srv, start).run(t, s3cryptoRows)
	})
}

// TestS3cryptoOtherKey proves that the matrix cannot pass by accident: what is
// under another key is not opened on either side.
func TestS3cryptoOtherKey(t *testing.T) {
	start := s3cryptoStarter(t)
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		m := newPeerMatrix(t, srv, start)
		row := &peerRow{key: "KMS", client: "v2", suite: envelope.V2GCM, alg: wrap.KMSContext, context: alice, named: true}
		m.testTheirOtherKey(t, row)
		m.testTheirOtherKey(t, &peerRow{key: "KMS", client: "v1", suite: envelope.V2CBC, alg: wrap.KMSPlain})
		m.testOurOtherKey(t, row, "IncorrectKeyException", func(req *peerRequest) { req.KMS = otherKMSKey })
	})
}
