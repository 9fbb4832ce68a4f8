// SPDX-License-Identifier: Apache-2.0

package testkit

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"slices"
	"sync"
)

// Read is the reference reader: it returns how the reading of c ends, and all
// plaintext that may have been released by then. It looks at nothing in c but
// what a reader has.
func Read(c *Case) (Outcome, []byte) {
	h, outcome := ParseMetadata(c.Metadata, c.Instruction)
	if outcome != Success {
		return outcome, nil
	}
	if !c.permits(h) {
		return Policy, nil
	}
	cek, outcome := c.unwrap(h)
	if outcome != Success {
		return outcome, nil
	}
	if c.Range != nil {
		return c.readRange(h, cek)
	}
	return c.readBody(h, cek)
}

// permits is step 5.
func (c *Case) permits(h *Header) bool {
	modern := h.keys[0].alg == AESGCM || h.keys[0].alg == KMSContext || h.keys[0].alg == RSAOAEPSHA1
	own := h.Suite == Chunked || h.Suite == DARE2
	need := map[string]bool{
		Uncommitted:     h.Suite != V3 && h.Suite != Chunked,
		LegacyWraps:     !modern || h.tagBytes,
		LegacyCBC:       h.Suite == V1 || h.Suite == V2CBC,
		Unauthenticated: h.Suite == V2CTR,
		Ranges:          c.Range != nil && !own,
	}
	for option, needed := range need {
		if needed && !c.Allows(option) {
			return false
		}
	}
	return (len(c.ContentAAD) == 0 || h.Suite == V2GCM) && (h.bound && c.Bind != nil || !h.bound && !c.Allows(RequireBound))
}

// unwrap is step 6: the first CEK that one of the keys gives.
func (c *Case) unwrap(h *Header) ([]byte, Outcome) {
	outcome := NoKey
	for _, w := range h.keys {
		for _, k := range c.Keys {
			for _, alg := range k.Algorithms {
				if alg != w.alg && (w.alg != "" || alg != AESECB && alg != RSAPKCS1) {
					continue
				}
				outcome = Rejected
				if cek, ok := k.unwrap(alg, w, h.alg); ok && h.takes(len(cek)) {
					return cek, Success
				}
			}
		}
	}
	return nil, outcome
}

// takes says which sizes of CEKs there are.
func (h *Header) takes(size int) bool {
	return size == 32 || (size == 16 || size == 24) && (h.Suite == V1 || h.Suite == V2CBC || h.Suite == V2GCM || h.Suite == V2CTR)
}

// unwrap unwraps by one algorithm.
func (k Key) unwrap(alg string, w wrapped, bound string) ([]byte, bool) {
	switch alg {
	case AESGCM:
		return gcmUnwrap(k.Secret, w.key, []byte(bound))
	case KMSContext, KMSPlain:
		return gcmUnwrap(k.Secret, w.key, kmsAAD(w.desc))
	case AESKW:
		if len(w.key)%8 != 0 || len(w.key) < 24 {
			return nil, false
		}
		iv, cek := keyUnwrap(k.Secret, w.key)
		return cek, bytes.Equal(iv, kwIV)
	case AESECB:
		return ecbUnwrap(k.Secret, w.key)
	case RSAOAEPSHA1:
		return oaepUnwrap(k.private(), w.key, bound)
	case RSAOAEPSHA256:
		if cek, ok := oaepJava.decrypt(k.private(), w.key); ok {
			return cek, true
		}
		return oaepSHA256.decrypt(k.private(), w.key)
	case RSAPKCS1:
		return pkcs1Open(k.private(), w.key)
	}
	return nil, false
}

func (k Key) private() *rsa.PrivateKey {
	key, ok := parsed.Load(string(k.Secret))
	if !ok {
		key, _ = parsed.LoadOrStore(string(k.Secret), must(x509.ParsePKCS8PrivateKey(k.Secret)))
	}
	return key.(*rsa.PrivateKey)
}

// parsed keeps the keys of RSA: to read one is to look for primes.
var parsed sync.Map

// ecbUnwrap takes a CEK with padding and, where it cannot be one, without.
func ecbUnwrap(kek, w []byte) ([]byte, bool) {
	if n := len(w); n != 16 && n != 32 && n != 48 {
		return nil, false
	}
	p := ecbOpen(kek, w)
	if n := unpad(p); n == 16 || n == 24 || n == 32 {
		return p[:n], true
	}
	return p, len(p) < 48
}

// oaepUnwrap takes one byte of length, the CEK, and the text that it is bound
// to.
func oaepUnwrap(priv *rsa.PrivateKey, w []byte, bound string) ([]byte, bool) {
	p, ok := oaepSHA1.decrypt(priv, w)
	if !ok || len(p) == 0 || len(p) != 1+int(p[0])+len(bound) || string(p[1+p[0]:]) != bound {
		return nil, false
	}
	return p[1 : 1+p[0]], true
}

// readBody is steps 7 and 8.
func (c *Case) readBody(h *Header, cek []byte) (Outcome, []byte) {
	var p []byte
	var whole bool
	switch h.Suite {
	case V1, V2CBC:
		p, whole = cbcOpen(cek, h.iv, c.Body)
	case V2CTR:
		p, whole = ctr(cek, h.iv, c.Body), true
	case V2GCM:
		p, whole = gcmOpen(cek, h.iv, c.ContentAAD, c.Body)
	case V3:
		key, commitment := v3Keys(cek, h.iv)
		if bytes.Equal(commitment, h.commitment) {
			p, whole = gcmOpen(key, commitIV, commitAAD, c.Body)
		}
	case Chunked:
		p, whole = ChunkedOpen(cek, c.context(h), c.Body)
	case DARE2:
		if !h.empty {
			p, whole = DAREOpen(dareKey(cek, h.iv, 0, c.context(h)), c.Body)
		} else {
			whole = len(c.Body) == 0 && bytes.Equal(h.iv, dareKey(cek, nil, 1, c.context(h)))
		}
	}
	if !whole {
		return Rejected, p
	}
	return Success, p
}

func (c *Case) context(h *Header) []byte {
	if !h.bound {
		return placeContext(nil)
	}
	return placeContext(c.Bind)
}

func cbcOpen(key, iv, body []byte) ([]byte, bool) {
	if len(body) == 0 || len(body)%16 != 0 {
		whole := body[:max(0, len(body)-len(body)%16-16)] // of a known size, nothing
		return cbcOpenBlocks(key, iv, whole), false
	}
	p := cbcOpenBlocks(key, iv, body)
	if n := unpad(p); n >= 0 {
		return p[:n], true
	}
	return p[:len(p)-16], false
}

func gcmOpen(key, iv, aad, body []byte) ([]byte, bool) {
	if len(body) < 16 {
		return nil, false
	}
	if p, err := gcm(key).Open(nil, iv, body, aad); err == nil {
		return p, true
	}
	return gcmCTR(key, iv, body[:len(body)-16]), false
}

// readRange reads a part of what can be read without the tag, or, where every
// chunk has one, of what these verify.
func (c *Case) readRange(h *Header, cek []byte) (Outcome, []byte) {
	var p []byte
	switch h.Suite {
	case V1, V2CBC:
		return c.cbcRange(h, cek)
	case V2CTR:
		p = ctr(cek, h.iv, c.Body)
	case V2GCM, V3:
		key, iv := cek, h.iv
		if h.Suite == V3 {
			var commitment []byte
			if key, commitment = v3Keys(cek, h.iv); !bytes.Equal(commitment, h.commitment) {
				return Rejected, nil
			}
			iv = commitIV
		}
		if len(c.Body) < 16 {
			return Rejected, nil
		}
		p = gcmCTR(key, iv, c.Body[:len(c.Body)-16])
	default:
		return c.ownRange(h, cek)
	}
	return c.part(p)
}

func (c *Case) part(p []byte) (Outcome, []byte) {
	off, size := c.Range.Off, int64(len(p))
	switch {
	case c.Range.N == 0:
		return Success, nil
	case off >= size:
		return BadRange, nil
	}
	return Success, p[off : off+min(c.Range.N, size-off)]
}

// cbcRange looks at the padding only if the part reaches the last block.
func (c *Case) cbcRange(h *Header, cek []byte) (Outcome, []byte) {
	size := int64(len(c.Body))
	if size == 0 || size%16 != 0 {
		return Rejected, nil
	}
	if c.Range.N > 0 && c.Range.Off >= size-1 {
		return BadRange, nil // whatever the padding is
	}
	p := cbcOpenBlocks(cek, h.iv, c.Body)
	if c.Range.Off+c.Range.N <= size-16 {
		return c.part(p)
	}
	n := unpad(p)
	if n < 0 {
		return Rejected, slices.Clone(p[min(c.Range.Off, size-16) : size-16])
	}
	return c.part(p[:n])
}
