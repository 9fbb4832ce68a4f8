// SPDX-License-Identifier: Apache-2.0

package main

var (
	inWrap   = []string{"wrap"}
	inLegacy = []string{"wrap/legacy"}
)

var wrapMutants = []mutant{
	{
		name: "aeskw-check-skipped", file: "wrap/aeskw.go", auth: true, packages: inWrap,
		old: `if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {`,
		new: `if subtle.ConstantTimeCompare(got[:], want[:]) > 1 {`,
	},
	{
		name: "aeskw-check-half", file: "wrap/aeskw.go", auth: true, packages: inWrap,
		old: `if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {`,
		new: `if subtle.ConstantTimeCompare(got[:4], want[:4]) != 1 {`,
	},
	{
		name: "aeskw-counter-low-half", file: "wrap/aeskw.go", packages: inWrap,
		old: `a = binary.BigEndian.Uint64(buf) ^ t
			copy(r, buf[kwBlock:])`,
		new: `a = binary.BigEndian.Uint64(buf) ^ uint64(uint8(t))
			copy(r, buf[kwBlock:])`,
	},
	{
		name: "aeskw-short-accepted", file: "wrap/aeskw.go", packages: inWrap,
		old: `if len(wrapped) < 3*kwBlock || len(wrapped)%kwBlock != 0 {`,
		new: `if len(wrapped) < 2*kwBlock || len(wrapped)%kwBlock != 0 {`,
	},
	{
		name: "aesgcm-aad-not-bound", file: "wrap/aesgcm.go", auth: true, packages: inWrap,
		old: `return k.aead.Seal(nil, nil, cek, []byte(info.ContentAlg)), nil`,
		new: `return k.aead.Seal(nil, nil, cek, nil), nil`,
	},
	{
		name: "aesgcm-other-algorithms-served", file: "wrap/aesgcm.go", auth: true, packages: inWrap,
		old: `	if alg != AESGCM {`,
		new: `	if alg == Unnamed {`,
	},
	{
		name: "oaep-tail-ignored", file: "wrap/oaep.go", auth: true, packages: inWrap,
		old: `if subtle.ConstantTimeCompare(payload, want) != 1 {`,
		new: `if subtle.ConstantTimeCompare(payload[:1+n], want[:1+n]) != 1 {`,
	},
	{
		name: "oaep-length-byte-ignored", file: "wrap/oaep.go", auth: true, packages: inWrap,
		old: `if subtle.ConstantTimeCompare(payload, want) != 1 {`,
		new: `if subtle.ConstantTimeCompare(payload[1:], want[1:]) != 1 {`,
	},
	{
		name: "kms-algorithm-not-bound", file: "wrap/kms.go", auth: true, packages: inWrap,
		old: `	if !bindsContentAlg(info) {
		return nil, ErrUnwrap
	}`,
		new: ``,
	},
	{
		name: "kms-key-size-unchecked", file: "wrap/kms.go", auth: true, packages: inWrap,
		old: `case err == nil && isAESKeySize(len(plain)):`,
		new: `case err == nil:`,
	},
	{
		name: "kms-short-data-key", file: "wrap/kms.go", auth: true, packages: inWrap,
		old: `case len(plain) != size:`,
		new: `case len(plain) > size:`,
	},
	{
		name: "context-not-required", file: "wrap/kmscontext.go", auth: true, packages: inWrap,
		old: `if !maps.Equal(stored, c.encCtx) {`,
		new: `if len(stored) < len(c.encCtx) {`,
	},
	{
		name: "keyring-tries-many-pkcs1", file: "wrap/keyring.go", auth: true, packages: inWrap,
		old: `	if n > 1 {
		return nil, ambiguous(n, RSAPKCS1)
	}`,
		new: ``,
	},
	{
		name: "keyring-takes-disagreeing", file: "wrap/keyring.go", auth: true, packages: inWrap,
		old: `		case disagrees:
			return disagrees`,
		new: `		case disagrees:`,
	},
	{
		name: "pkcs1-random-rejection", file: "wrap/legacy/rsapkcs1.go", auth: true, packages: inLegacy,
		old: `	mac.Write(wrapped)
	return mac.Sum(nil) // 32 bytes, pkcs1CEKSize`,
		new: `	rand.Read(k.reject.key)
	mac.Write(k.reject.key)
	return mac.Sum(nil) // 32 bytes, pkcs1CEKSize`,
	},
	{
		name: "pkcs1-constant-rejection", file: "wrap/legacy/rsapkcs1.go", auth: true, packages: inLegacy,
		old: `	mac.Write(wrapped)
	return mac.Sum(nil) // 32 bytes, pkcs1CEKSize`,
		new: `	return mac.Sum(nil) // 32 bytes, pkcs1CEKSize`,
	},
	{
		name: "ecb-padding-ignored", file: "wrap/legacy/aesecb.go", packages: inLegacy,
		old: `good &= subtle.ConstantTimeByteEq(b, byte(pad))`,
		new: `_ = b`,
	},
}
