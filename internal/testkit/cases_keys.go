// SPDX-License-Identifier: Apache-2.0

package testkit

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// byKey marks an object that the key rejects, before its body is read.
func byKey(edit func(*made)) func(*made) {
	return func(m *made) {
		m.byTheKey()
		edit(m)
	}
}

// commitmentEntries alter the commitment of V3.
func commitmentEntries() (all []entry) {
	for _, at := range []int{0, 13, 27} {
		all = append(all,
			entry{fmt.Sprint("commitment-bit-", at), "A7", "a bit of the commitment", usualV3, Rejected, byKey(func(m *made) { m.flip("x-amz-d", at) })},
			entry{fmt.Sprint("commitment-message-id-bit-", at), "A7", "a bit of the message id", usualV3, Rejected, byKey(func(m *made) { m.flip("x-amz-i", at) })})
	}
	for _, n := range []int{16, 27, 29, 32} {
		size := func(name string) func(*made) {
			return func(m *made) { m.Set(name, encode(append(decode(m.Get(name)), 0, 0, 0, 0)[:n])) }
		}
		all = append(all,
			entry{fmt.Sprint("commitment-bytes-", n), "A7", fmt.Sprintf("a commitment of %d bytes", n), usualV3, BadMetadata, size("x-amz-d")},
			entry{fmt.Sprint("commitment-message-id-bytes-", n), "A7 B4", fmt.Sprintf("a message id of %d bytes", n), usualV3, BadMetadata, size("x-amz-i")})
	}
	return append(all,
		entry{"commitment-zero", "A7", "a commitment of zeros", usualV3, Rejected, byKey(func(m *made) { m.Set("x-amz-d", encode(make([]byte, 28))) })},
		entry{"commitment-of-another", "A5 A7", "the wrapped key of another object, under the same key", usualV3, Rejected, byKey(func(m *made) {
			m.rewrap(m.wrapCEK(AESGCM, m.draw("another CEK", 32), m.bound, nil))
		})},
		entry{"commitment-zero-nonce", "A7", "content under a nonce of zeros, as a draft had it", usualV3, Rejected, func(m *made) {
			m.Body = gcm(m.key).Seal(nil, make([]byte, 12), m.plain, commitAAD)
		}},
		entry{"commitment-no-aad", "A7", "content without the suite as additional data", usualV3, Rejected, func(m *made) {
			m.Body = gcm(m.key).Seal(nil, commitIV, m.plain, nil)
		}},
		entry{"commitment-not-derived", "A7", "content under the CEK itself", usualV3, Rejected, func(m *made) {
			m.Body = gcm(m.cek).Seal(nil, commitIV, m.plain, commitAAD)
		}},
		entry{"commitment-cek-16", "A7", "a CEK of 16 bytes, which V3 never has", usualV3.with(func(r *recipe) { r.cek = 16 }), Rejected, byKey(func(*made) {})},
		entry{"commitment-chunked-cek-24", "A7", "a CEK of 24 bytes, which Chunked never has", usualOwn.with(func(r *recipe) { r.cek = 24 }), Rejected, byKey(func(*made) {})})
}

// forge makes a body of one CBC block out of GCM ciphertext, which unpads if
// guess is the plaintext of its first block.
func (m *made) forge(guess []byte) {
	counter := slices.Concat(m.iv, []byte{0, 0, 0, 2})
	m.Set("x-amz-iv", encode(xor(counter, bytes.Repeat([]byte{16}, 16))))
	m.Body = xor(m.Body[:16], guess)
	m.iv = decode(m.Get("x-amz-iv"))
	m.Set("x-amz-cek-alg", "AES/CBC/PKCS5Padding")
}

// bindingEntries relabel the content.
func bindingEntries() (all []entry) {
	cbc := func(m *made) { m.Allow = append(m.Allow, LegacyCBC, LegacyWraps); m.Suite = V2CBC }
	for _, alg := range []string{AESGCM, RSAOAEPSHA1} {
		for what, guess := range map[string][]byte{"right": plaintext(16), "wrong": make([]byte, 16)} {
			all = append(all, entry{
				fmt.Sprintf("binding-cbc-%s-%s", alg, what), "A2", "GCM relabelled as CBC, with a guess at the plaintext that is " + what,
				usualGCM.wrapped(alg), Rejected, byKey(func(m *made) { cbc(m); m.forge(guess) }),
			})
		}
	}
	all = append(all,
		entry{
			"binding-cbc-kms-context", "A2", "the same with a context, which says what the content is", usualGCM.wrapped(KMSContext), BadMetadata,
			func(m *made) { cbc(m); m.forge(plaintext(16)) },
		},
		entry{"binding-cbc-kms-context-altered", "A2", "the same, and the context says CBC", usualGCM.wrapped(KMSContext), Rejected, byKey(func(m *made) {
			cbc(m)
			m.forge(plaintext(16))
			m.Set("x-amz-matdesc", `{"aws:x-amz-cek-alg":"AES/CBC/PKCS5Padding"}`)
		})},
		entry{"binding-cbc-aes-wrap-right", "A2", "where the wrap binds nothing and everything is allowed, the oracle answers: a right guess opens", usualGCM.wrapped(AESKW), Success, func(m *made) {
			cbc(m)
			m.forge(plaintext(16))
			m.Released, m.Authenticated = nil, false
		}},
		entry{"binding-cbc-aes-wrap-wrong", "A2", "and a wrong one does not", usualGCM.wrapped(AESKW), Rejected, func(m *made) {
			cbc(m)
			m.forge(make([]byte, 16))
		}},
		entry{"binding-ctr", "A2", "GCM relabelled as CTR", usualGCM, Rejected, byKey(func(m *made) {
			m.Allow, m.Suite = append(m.Allow, Unauthenticated), V2CTR
			m.metadata("x-amz-cek-alg", "AES/CTR/NoPadding", "x-amz-iv", encode(slices.Concat(m.iv, []byte{0, 0, 0, 2})))
		})},
		entry{"binding-v3-as-v2", "A6 A7", "V3 renamed to V2", usualV3, Rejected, byKey(func(m *made) {
			m.metadata("x-amz-key-v2", m.Get("x-amz-3"), "x-amz-iv", encode(commitIV), "x-amz-cek-alg", "AES/GCM/NoPadding", "x-amz-wrap-alg", "AES/GCM")
			m.Remove("x-amz-3", "x-amz-c", "x-amz-w", "x-amz-d", "x-amz-i", "x-amz-m")
			m.Allow, m.Suite, m.ContentAAD = append(m.Allow, Uncommitted), V2GCM, commitAAD
		})},
		entry{"binding-v2-as-v3", "A6 A7", "V2 renamed to V3, with a commitment to its CEK", usualGCM, Rejected, byKey(func(m *made) {
			_, commitment := v3Keys(m.cek, make([]byte, 28))
			w := m.Get("x-amz-key-v2")
			m.Metadata = nil
			m.metadata("x-amz-3", w, "x-amz-c", "115", "x-amz-w", "02", "x-amz-d", encode(commitment), "x-amz-i", encode(make([]byte, 28)))
			m.Suite = V3
		})},
		entry{"binding-chunked-as-dare2", "A2", "Chunked relabelled as DARE", usualOwn, Rejected, byKey(func(m *made) {
			m.metadata("s3seal-suite", "dare2", "s3seal-salt", encode(make([]byte, 32)))
			m.Allow, m.Suite = append(m.Allow, Uncommitted), DARE2
		})},
		entry{"binding-cbc-spelling", "A2", "the other name of CBC padding, which the wrap has not bound", usualCBC.wrapped(AESGCM), Rejected, byKey(func(m *made) {
			m.Set("x-amz-cek-alg", "AES/CBC/PKCS7Padding")
		})})
	return all
}

// downgradeEntries give the wrap another name.
func downgradeEntries() (all []entry) {
	relabel := func(name, comment string, r recipe, expect Outcome, edit func(*made), keys ...string) {
		all = append(all, entry{"downgrade-" + name, "A8", comment, r, expect, func(m *made) {
			m.Allow = append(m.Allow, LegacyWraps)
			edit(m)
			if expect == Rejected {
				m.byTheKey()
			}
			if len(keys) > 0 {
				m.Keys = []Key{m.kit.key(keys...)}
			}
		}})
	}
	to := func(v string) func(*made) { return func(m *made) { m.Set("x-amz-wrap-alg", v) } }
	aes := []string{AESGCM, AESKW, AESECB}
	relabel("gcm-to-aes-wrap", "AES/GCM relabelled as AESWrap, and the key serves both", usualGCM, Rejected, to("AESWrap"), aes...)
	relabel("gcm-to-nothing", "AES/GCM without a name, which would be AES-ECB", usualGCM, Rejected, func(m *made) { m.Remove("x-amz-wrap-alg") }, aes...)
	relabel("aes-wrap-to-gcm", "AESWrap relabelled as AES/GCM", usualGCM.wrapped(AESKW), Rejected, to("AES/GCM"), aes...)
	relabel("gcm-to-kms", "AES/GCM relabelled as kms, and there is no KMS", usualGCM, NoKey, to("kms"))
	relabel("gcm-to-rsa", "AES/GCM relabelled as RSA, and there is no such key", usualGCM, NoKey, to("RSA-OAEP-SHA1"))
	relabel("only-aes-wrap", "the key serves AESWrap only", usualGCM, NoKey, func(*made) {}, AESKW)
	relabel("only-gcm", "the key serves AES/GCM only, whatever is allowed", usualGCM.wrapped(AESKW), NoKey, func(*made) {}, AESGCM)
	relabel("kms-context-to-kms", "kms+context relabelled as kms: the context still is what was bound", usualGCM.wrapped(KMSContext), Success, to("kms"), KMSContext, KMSPlain)
	relabel("kms-context-to-kms-cbc", "the same, with the content relabelled, too", usualGCM.wrapped(KMSContext), BadMetadata, func(m *made) {
		m.metadata("x-amz-wrap-alg", "kms", "x-amz-cek-alg", "AES/CBC/PKCS5Padding", "x-amz-iv", encode(make([]byte, 16)))
	}, KMSContext, KMSPlain)
	relabel("kms-to-kms-context", "kms relabelled as kms+context, without the entry", usualGCM.wrapped(KMSPlain), BadMetadata, to("kms+context"), KMSContext, KMSPlain)
	relabel("oaep-sha1-to-sha256", "RSA-OAEP-SHA1 relabelled", usualGCM.wrapped(RSAOAEPSHA1), Rejected, to("RSA/ECB/OAEPWithSHA-256AndMGF1Padding"), rsaAlgorithms...)
	relabel("oaep-sha256-to-sha1", "and the other way", usualGCM.wrapped(RSAOAEPSHA256), Rejected, to("RSA-OAEP-SHA1"), rsaAlgorithms...)
	relabel("v3-kms-to-aes", "V3: 12 relabelled as 02, and there is no such key", usualV3.wrapped(KMSContext), NoKey, func(m *made) { m.Set("x-amz-w", "02") })
	relabel("v3-aes-to-kms", "V3: 02 relabelled as 12, with a context", usualV3, Rejected, func(m *made) {
		m.metadata("x-amz-w", "12", "x-amz-t", `{"aws:x-amz-cek-alg":"115"}`)
	}, KMSContext)
	relabel("v3-context-in-m", "V3: the context under the name for raw keys", usualV3.wrapped(KMSContext), BadMetadata, func(m *made) { m.Rename("x-amz-t", "x-amz-m") })
	relabel("v3-context-of-v2", "V3: a context of V2", usualV3.wrapped(KMSContext), BadMetadata, func(m *made) { m.Set("x-amz-t", `{"aws:x-amz-cek-alg":"AES/GCM/NoPadding"}`) })
	relabel("v3-context-more", "V3: an entry added to the context", usualV3.wrapped(KMSContext), Rejected, func(m *made) {
		m.Set("x-amz-t", `{"aws:x-amz-cek-alg":"115","user":"x"}`)
	})
	return all
}

// wrappedEntries alter keys that AES has wrapped.
func wrappedEntries() (all []entry) {
	add := func(name, attacks, comment string, r recipe, edit func(*made)) {
		all = append(all, entry{"wrapped-" + name, attacks, comment, r, Rejected, byKey(edit)})
	}
	for _, r := range []recipe{usualGCM, usualGCM.wrapped(AESKW), usualV3, usualV3.wrapped(KMSContext), usualOwn, usualD2} {
		name := strings.ToLower(r.suite) + "-" + r.wrap
		for _, at := range []int{0, 12, -1} {
			add(fmt.Sprintf("%s-bit-%d", name, at), "C4", "a bit of the wrapped key", r, func(m *made) { m.flip(m.wrappedName(), at) })
		}
		add(name+"-cut", "C4", "a wrapped key without its last byte", r, func(m *made) { w := decode(m.Get(m.wrappedName())); m.rewrap(w[:len(w)-1]) })
		add(name+"-longer", "C4", "a wrapped key with a byte more", r, func(m *made) { m.rewrap(append(decode(m.Get(m.wrappedName())), 0)) })
		add(name+"-wrong-key", "", "another key of the reader", r, func(m *made) { m.Keys[0].Secret = m.draw("another key", 32) })
	}
	kw := usualGCM.wrapped(AESKW)
	add("kw-other-iv", "C4", "RFC 3394 with the initial value of RFC 5649", kw, func(m *made) {
		m.rewrap(KeyWrap(m.kit.aes, []byte{0xa6, 0x59, 0x59, 0xa6, 0, 0, 0, 32}, m.cek))
	})
	add("kw-zero-iv", "C4", "RFC 3394 with an initial value of zeros", kw, func(m *made) { m.rewrap(KeyWrap(m.kit.aes, make([]byte, 8), m.cek)) })
	add("kw-8", "C4", "a wrapped key of 16 bytes, for a CEK of 8", kw, func(m *made) { m.rewrap(KeyWrap(m.kit.aes, kwIV, m.cek[:8])) })
	add("kw-40", "C4", "a CEK of 40 bytes", kw, func(m *made) { m.rewrap(KeyWrap(m.kit.aes, kwIV, m.draw("CEK of 40", 40))) })
	add("gcm-15", "C4", "a CEK of 15 bytes", usualGCM, func(m *made) { m.rewrap(m.wrapCEK(AESGCM, m.cek[:15], m.bound, nil)) })
	add("gcm-0", "C4", "a CEK of no bytes", usualGCM, func(m *made) { m.rewrap(m.wrapCEK(AESGCM, nil, m.bound, nil)) })
	add("gcm-no-aad", "A2", "a wrap that is bound to nothing", usualGCM, func(m *made) { m.rewrap(m.wrapCEK(AESGCM, m.cek, "", nil)) })
	add("v3-aad-of-v2", "A2 A7", "V3: a wrap that is bound to the cipher of V2", usualV3, func(m *made) { m.rewrap(m.wrapCEK(AESGCM, m.cek, "AES/GCM/NoPadding", nil)) })
	add("v3-aad-bytes", "A2 A7", "V3: a wrap that is bound to 00 73 instead of 115", usualV3, func(m *made) { m.rewrap(m.wrapCEK(AESGCM, m.cek, "\x00\x73", nil)) })
	add("ecb-17", "C4", "AES-ECB of 17 bytes", usualV1, func(m *made) { m.rewrap(m.draw("ECB", 17)) })
	add("ecb-64", "C4", "AES-ECB of 64 bytes", usualV1, func(m *made) { m.rewrap(ecb(m.kit.aes, pad(m.draw("long CEK", 48)))) })
	add("ecb-padding", "C4", "AES-ECB of 48 bytes without padding", usualV1, func(m *made) { m.rewrap(ecb(m.kit.aes, slices.Concat(m.cek, make([]byte, 16)))) })
	return all
}

// rsaEntries alter what RSA has wrapped.
func rsaEntries() (all []entry) {
	modern := usualGCM.wrapped(RSAOAEPSHA1)
	pay := func(name, comment string, r recipe, p func(m *made) []byte) {
		all = append(all, entry{"rsa-" + name, "C5", comment, r, Rejected, byKey(func(m *made) {
			m.rewrap(oaepSHA1.encrypt(&m.kit.priv.PublicKey, m.draw("seed", 20), p(m)))
		})})
	}
	pay("oaep-tail", "bytes after the algorithm", modern, func(m *made) []byte { return append(payload(m.cek, m.bound), 0) })
	pay("oaep-prefix", "the algorithm cut short", modern, func(m *made) []byte { return payload(m.cek, m.bound[:len(m.bound)-1]) })
	pay("oaep-no-algorithm", "no algorithm", modern, func(m *made) []byte { return payload(m.cek, "") })
	pay("oaep-other-algorithm", "another algorithm", modern, func(m *made) []byte { return payload(m.cek, "AES/CBC/PKCS5Padding") })
	pay("oaep-bare", "the CEK alone", modern, func(m *made) []byte { return m.cek })
	pay("oaep-empty", "nothing", modern, func(*made) []byte { return nil })
	pay("oaep-length-31", "a wrong length before the CEK", modern, func(m *made) []byte { p := payload(m.cek, m.bound); p[0] = 31; return p })
	pay("oaep-length-255", "a length past the end", modern, func(m *made) []byte { p := payload(m.cek, m.bound); p[0] = 255; return p })
	pay("oaep-cek-31", "a CEK of 31 bytes", modern, func(m *made) []byte { return payload(m.cek[:31], m.bound) })
	pay("oaep-v3-algorithm-of-v2", "V3: the algorithm of V2", usualV3.wrapped(RSAOAEPSHA1), func(m *made) []byte { return payload(m.cek, "AES/GCM/NoPadding") })
	profile := func(name, comment string, o oaep) {
		all = append(all, entry{"rsa-" + name, "C5", comment, modern, Rejected, byKey(func(m *made) {
			m.rewrap(o.encrypt(&m.kit.priv.PublicKey, m.draw("seed", 32), payload(m.cek, m.bound)))
		})})
	}
	profile("oaep-sha256", "OAEP with SHA-256 under the name of SHA-1", oaepSHA256)
	profile("oaep-java", "OAEP with SHA-256 and MGF1-SHA-1 under the name of SHA-1", oaepJava)
	profile("oaep-label", "a label", oaep{oaepSHA1.hash, oaepSHA1.mgf, "label"})
	all = append(all, entry{"rsa-oaep-shorter", "C5", "a wrapped key that is shorter than the modulus", modern, Rejected, byKey(func(m *made) { m.rewrap(m.draw("short", 255)) })})
	return append(all, pkcs1Entries()...)
}

// pkcs1Entries are those of Bleichenbacher: whatever is wrong, it shows nowhere
// but in the content, and always in the same way.
func pkcs1Entries() (all []entry) {
	v1 := usualV1.wrapped(RSAPKCS1)
	for name, w := range map[string]func(m *made) []byte{
		"zeros":  func(*made) []byte { return make([]byte, 256) },
		"random": func(m *made) []byte { return append([]byte{0}, m.draw("random", 255)...) },
		"31":     func(m *made) []byte { return pkcs1(&m.kit.priv.PublicKey, m.cek[:31]) },
		"33":     func(m *made) []byte { return pkcs1(&m.kit.priv.PublicKey, append(m.cek, 0)) },
		"0":      func(m *made) []byte { return pkcs1(&m.kit.priv.PublicKey, nil) },
		"type-1": func(m *made) []byte { return rsaPublic(&m.kit.priv.PublicKey, typeOne(m.cek)) },
	} {
		edit := func(m *made) {
			m.rewrap(w(m))
			m.byTheKey()
			m.AnyRelease = true
		}
		all = append(all, entry{"rsa-pkcs1-v1-" + name, "A9", "PKCS #1 v1.5, forged: " + name, v1, Rejected, edit},
			entry{"rsa-pkcs1-v2-" + name, "A9", "the same over GCM content", usualGCM.wrapped(RSAPKCS1).with(func(r *recipe) { r.unnamed = true }), Rejected, edit})
	}
	return append(all, entry{"rsa-pkcs1-other-cek", "A5 A9", "PKCS #1 v1.5 of another CEK: only the content can tell", v1, Rejected, func(m *made) {
		m.key = m.draw("another CEK", 32)
		m.rewrap(pkcs1(&m.kit.priv.PublicKey, m.key))
	}})
}

// typeOne is the padding of signatures.
func typeOne(cek []byte) []byte {
	return slices.Concat([]byte{0, 1}, bytes.Repeat([]byte{0xff}, 256-3-len(cek)), []byte{0}, cek)
}
