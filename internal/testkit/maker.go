// SPDX-License-Identifier: Apache-2.0

package testkit

import (
	"crypto/rsa"
	"slices"
)

// A Maker makes objects that are no cases of the kit, with its keys.
type Maker struct{ kit *kit }

// NewMaker returns one that has priv for an RSA key.
func NewMaker(priv *rsa.PrivateKey) *Maker { return &Maker{newKit(priv)} }

// A Recipe says how an object is made.
type Recipe struct {
	Suite, Wrap string // as in Wraps
	Plain       []byte
	CEK         int    // bytes, 32 if 0; not every suite takes every size
	Bind        *Place // of s3seal's own formats
	ContentAAD  string // of V2GCM
	InFile      bool   // the envelope is in an instruction file
	Unpadded    bool   // of CBC: the plaintext ends with its padding, or does not
	More        []string
}

// Wraps returns which algorithms wrap the keys of a suite.
func Wraps(suite string) []string {
	switch suite {
	case V1:
		return []string{AESECB, RSAPKCS1}
	case V2CBC, V2GCM, V2CTR:
		return []string{AESGCM, AESKW, KMSContext, KMSPlain, AESECB, RSAOAEPSHA1, RSAOAEPSHA256, RSAPKCS1}
	}
	return []string{AESGCM, KMSContext, RSAOAEPSHA1}
}

// Make returns an object that opens, unless the recipe is a wrong one, and
// another one of the same CEK.
func (m *Maker) Make(r Recipe) (object, other *Case) {
	inner := recipe{
		suite: r.Suite, wrap: r.Wrap, cek: r.CEK, bind: r.Bind, aad: r.ContentAAD, file: r.InFile, plain: append([]byte{}, r.Plain...), unpadded: r.Unpadded,
		more: r.More, cekOf: "made", unnamed: slices.Contains([]string{AESECB, RSAPKCS1}, r.Wrap),
	}
	return m.kit.make("made", inner).Case, m.kit.make("made too", inner).Case
}
