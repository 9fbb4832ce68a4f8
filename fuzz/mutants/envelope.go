// SPDX-License-Identifier: Apache-2.0

package main

var inEnvelope = []string{"envelope"}

var envelopeMutants = []mutant{
	{
		name: "commitment-ignored", file: "envelope/content.go", auth: true, packages: inEnvelope,
		old: `if subtle.ConstantTimeCompare(commitment, h.Commitment) != 1 {`,
		new: `if subtle.ConstantTimeCompare(commitment, h.Commitment) > 1 {`,
	},
	{
		name: "commitment-from-iv-only", file: "envelope/content.go", auth: true, packages: inEnvelope,
		old: `prk, err := hkdf.Extract(sha512.New, cek, messageID)`,
		new: `prk, err := hkdf.Extract(sha512.New, messageID, messageID)`,
	},
	{
		name: "content-aad-swapped", file: "envelope/content.go", auth: true, packages: inEnvelope,
		old: `commitAAD = []byte{0x00, 0x73}`,
		new: `commitAAD = []byte{0x73, 0x00}`,
	},
	{
		name: "policy-ignored", file: "envelope/policy.go", auth: true, packages: inEnvelope,
		old: `if option.need && !option.have {`,
		new: `if option.need && !option.have && option.name == "" {`,
	},
	{
		name: "policy-cbc-free", file: "envelope/policy.go", auth: true, packages: inEnvelope,
		old: `AllowLegacyCBC:          h.Suite.info().mode == modeCBC,`,
		new: `AllowLegacyCBC:          false,`,
	},
	{
		name: "policy-uncommitted-free", file: "envelope/policy.go", auth: true, packages: inEnvelope,
		old: `AllowUncommitted:        !h.Suite.info().commits,`,
		new: `AllowUncommitted:        h.Suite == V1,`,
	},
	{
		name: "policy-legacy-wraps-free", file: "envelope/policy.go", auth: true, packages: inEnvelope,
		old: `AllowLegacyWraps:        legacyWrap,`,
		new: `AllowLegacyWraps:        legacyWrap && h.Suite == V1,`,
	},
	{
		name: "policy-after-unwrap", file: "envelope/open.go", auth: true, packages: inEnvelope,
		old: `	if err := opts.Permit(h); err != nil {
		return nil, err
	}
	cek, err := unwrap(ctx, u, h)
	defer clear(cek)
	if err != nil {
		return nil, err
	}`,
		new: `	cek, err := unwrap(ctx, u, h)
	defer clear(cek)
	if err != nil {
		return nil, err
	}
	if err := opts.Permit(h); err != nil {
		return nil, err
	}`,
	},
	{
		name: "ranges-free", file: "envelope/open_range.go", auth: true, packages: inEnvelope,
		old: `return allowed || s.info().format != nil }`,
		new: `return allowed || s.info().format != nil || s == V3 }`,
	},
	{
		name: "range-counts-as-verified", file: "envelope/open_range.go", auth: true, packages: inEnvelope,
		old: `		o.unverified.Add(1) // for ever`,
		new: ``,
	},
	{
		name: "bound-names-not-needed", file: "envelope/policy.go", auth: true, packages: inEnvelope,
		old: `case o.RequireBound && !h.Bound:`,
		new: `case false:`,
	},
	{
		name: "binding-without-lengths", file: "envelope/binding.go", auth: true, packages: inEnvelope,
		old: `c = binary.BigEndian.AppendUint16(c, uint16(len(name)))`,
		new: `_ = binary.BigEndian`,
	},
	{
		name: "two-formats-accepted", file: "envelope/wire.go", auth: true, packages: inEnvelope,
		old: `if f[name] != "" && (isOwnName(name) || slices.Contains(names, name)) {`,
		new: `if f[name] != "" && isOwnName(name) {`,
	},
	{
		name: "own-names-in-foreign", file: "envelope/wire.go", auth: true, packages: inEnvelope,
		old: `if f[name] != "" && (isOwnName(name) || slices.Contains(names, name)) {`,
		new: `if f[name] != "" && slices.Contains(names, name) {`,
	},
	{
		name: "base64-lenient", file: "envelope/wire.go", packages: inEnvelope,
		old: `base64.StdEncoding.Strict().DecodeString(value)`,
		new: `base64.StdEncoding.DecodeString(value)`,
	},
	{
		name: "name-twice-accepted", file: "envelope/wire.go", auth: true, packages: inEnvelope,
		old: `		case f[name] != "":
			return nil, &MetadataError{name, "present more than once"}`,
		new: ``,
	},
	{
		name: "tag-length-any", file: "envelope/header_v2.go", auth: true, packages: inEnvelope,
		old: `case "", "128":`,
		new: `case "", "128", "96", "32":`,
	},
	{
		name: "json-name-twice", file: "envelope/matdesc.go", auth: true, packages: inEnvelope,
		old: `		if _, dup := values[name]; dup {
			return nil, "name given twice"
		}`,
		new: ``,
	},
	{
		name: "instruction-overrides-commitment", file: "envelope/instruction.go", auth: true, packages: inEnvelope,
		old: `		if f[name] != "" {
			return nil, &MetadataError{name, "belongs in the metadata of the object, not in its instruction file"}
		}`,
		new: `		if f[name] != "" {
			delete(object, name)
		}`,
	},
	{
		name: "instruction-unlimited", file: "envelope/instruction.go", packages: inEnvelope,
		old: `	case err == nil:
		return nil, &MetadataError{nameFile, fmt.Sprintf("want at most %d bytes, got more", MaxInstructionSize)}`,
		new: ``,
	},
	{
		name: "error-with-cause", file: "envelope/body.go", auth: true, packages: inEnvelope,
		old: `	if errors.Is(err, ErrDecrypt) {
		return ErrDecrypt
	}
	return err
}

// Close closes the source`,
		new: `	if errors.Is(err, ErrDecrypt) {
		return err
	}
	return err
}

// Close closes the source`,
	},
	{
		name: "unverified-counts-as-verified", file: "envelope/body.go", auth: true, packages: inEnvelope,
		old: `if r.state != releasedUntilEOF || unverified == r.counted {`,
		new: `if true || unverified == r.counted {`,
	},
	{
		name: "declared-size-ignored", file: "envelope/body.go", packages: inEnvelope,
		old: `if r.left < 0 || err == io.EOF && r.left > 0 {`,
		new: `if r.left < 0 {`,
	},
	{
		name: "buffer-limit-ignored", file: "envelope/release.go", packages: inEnvelope,
		old: `	if size > limit {`,
		new: `	if size > limit+1 {`,
	},
	{
		name: "buffered-releases-unverified", file: "envelope/release.go", auth: true, packages: inEnvelope,
		old: `stream.NewGCMDecryptReader(src, c.secret.key, c.iv, c.aad, limit)`,
		new: `stream.NewGCMUnverifiedReader(src, c.secret.key, c.iv, c.aad)`,
	},
	{
		name: "spool-limit-ignored", file: "envelope/spool.go", packages: inEnvelope,
		old: `if s.left -= int64(n); s.left < 0 {`,
		new: `if s.left -= int64(n); s.left < -1 {`,
	},
	{
		name: "context-alg-unchecked", file: "envelope/header_check.go", auth: true, packages: inEnvelope,
		old: `if want := h.contentAlg(); got != want {`,
		new: `if want := h.contentAlg(); got != want && got == "" {`,
	},
	{
		name: "cek-any-size", file: "envelope/content.go", auth: true, packages: inEnvelope,
		old: `return size == cekSize || !s.info().salted && (size == 16 || size == 24)`,
		new: `return size == cekSize || size == 16 || size == 24`,
	},
	{
		name: "dare-empty-unproved", file: "envelope/dare/dare.go", auth: true, packages: []string{"envelope/dare"},
		old: `if subtle.ConstantTimeCompare(want, salt) != 1 {`,
		new: `if subtle.ConstantTimeCompare(want, salt) > 1 {`,
	},
	{
		name: "rewrap-weakens", file: "envelope/rewrap.go", auth: true, packages: inEnvelope,
		old: `if slices.Contains(wrapsModern, h.Wrap) {`,
		new: `if len(wrapsModern) == 0 {`,
	},
	{
		name: "rewrap-unverified-cek", file: "envelope/rewrap.go", auth: true, packages: inEnvelope,
		old: `	if err != nil {
		clear(cek)
		return nil, err
	}
	clear(c.secret.key)
	return cek, nil`,
		new: `	if err == nil {
		clear(c.secret.key)
	}
	return cek, nil`,
	},
}
