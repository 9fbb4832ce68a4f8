// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"maps"
	"slices"
	"strings"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// The kinds of what an audit comes across. The values are stable.
const (
	KindSealed      = "sealed"
	KindPlaintext   = "plaintext"        // no envelope
	KindDamaged     = "damaged"          // an envelope that cannot be read, or half of one
	KindInstruction = "instruction-file" // of the object whose key it has
	KindSidecar     = "sidecar"
	KindUnknown     = "unknown" // gone, or the storage did not say
)

// Where an envelope can be.
const (
	inMetadata = "metadata"
	inFile     = "instruction-file"
)

// An AuditObject is what is known of one object without any key. Nothing
// authenticates it: it is what the storage says. The JSON names are stable.
type AuditObject struct {
	Key  string `json:"key"`  // as listed
	Size int64  `json:"size"` // stored bytes, as listed
	Kind string `json:"kind"` // KindSealed and so on

	AuditEnvelope
	Notes []AuditNote `json:"notes,omitempty"` // in the order in which they were raised
}

// An AuditEnvelope is the part of an audit that many objects have in common: a
// row of the report. All but Accepts and Needs is empty if there is no envelope.
type AuditEnvelope struct {
	Format  string     `json:"format,omitempty"`  // for example "v3", "v2", "v2-cbc", "chunked"
	Content string     `json:"content,omitempty"` // the content algorithm, for example "AES/GCM/NoPadding"
	Keys    []AuditKey `json:"keys,omitempty"`    // one for each recipient: any of them opens it
	Bound   bool       `json:"bound,omitempty"`   // to bucket and key
	Where   string     `json:"where,omitempty"`   // "metadata" or "instruction-file"

	// Accepts names the levels of AuditOptions.Levels under which the object
	// opens as a whole, given the key.
	Accepts []string `json:"accepts,omitempty"`

	// Needs names the fields of envelope.OpenOptions that reading it takes.
	Needs []string `json:"needs,omitempty"`
}

// An AuditKey is what an envelope says of a key that opens it.
type AuditKey struct {
	Wrap string `json:"wrap"`           // for example "AES/GCM"; "unnamed" where metadata does not say
	Kind string `json:"kind"`           // "aes", "rsa" or "kms"
	Bits int    `json:"bits,omitempty"` // of an RSA key; the size of others does not show

	// MatDesc is the materials description, which for raw keys is a hint at
	// which one it was. Of at most 8 entries 128 bytes are kept.
	MatDesc map[string]string `json:"matdesc,omitempty"`

	// KMSKeys are the key IDs that a context names: its entry kms_cmk_id, and
	// values that are ARNs of KMS keys. Context has the names of all other
	// entries. Their values are left out, since they differ between objects.
	KMSKeys []string `json:"kms_keys,omitempty"`
	Context []string `json:"context,omitempty"` // names only
}

// Entries of encryption contexts that belong to the formats.
const (
	contextAlg = "aws:x-amz-cek-alg"
	contextKey = "kms_cmk_id"
)

// formatNames returns the name of a format, as the command's --format takes it,
// and of its content algorithm, as metadata does.
func formatNames(s envelope.Suite) (name, content string) {
	switch s {
	case envelope.V1, envelope.V2CBC:
		content = "AES/CBC/PKCS5Padding"
	case envelope.V2GCM:
		return "v2", "AES/GCM/NoPadding"
	case envelope.V2CTR:
		content = "AES/CTR/NoPadding"
	case envelope.V3:
		content = "115"
	case envelope.Chunked:
		content = "S3SEAL/CHUNKED1"
	default:
		content = "S3SEAL/" + s.String()
	}
	return strings.ToLower(s.String()), content
}

// envelopeOf describes a header. file is empty if it is in the metadata.
func envelopeOf(h *envelope.Header, file string, levels []AuditLevel) AuditEnvelope {
	e := AuditEnvelope{Bound: h.Bound, Where: inMetadata, Needs: needs(h.Required())}
	e.Format, e.Content = formatNames(h.Suite)
	if file != "" {
		e.Where = inFile
	}
	e.Keys = append(e.Keys, keyOf(h.Wrap, len(h.WrappedKey), h.MatDesc))
	for _, r := range h.Recipients {
		e.Keys = append(e.Keys, keyOf(r.Wrap, len(r.WrappedKey), r.MatDesc))
	}
	for _, level := range levels {
		if level.accepts(h) {
			e.Accepts = append(e.Accepts, level.Name)
		}
	}
	return e
}

// needs names the options that are set.
func needs(o envelope.OpenOptions) []string {
	var names []string
	for _, option := range []struct {
		name string
		set  bool
	}{
		{"AllowUncommitted", o.AllowUncommitted},
		{"AllowLegacyWraps", o.AllowLegacyWraps},
		{"AllowLegacyCBC", o.AllowLegacyCBC},
		{"AllowUnauthenticatedCTR", o.AllowUnauthenticatedCTR},
		{"AllowPlaintext", o.AllowPlaintext},
		{"ExtraSuites", len(o.ExtraSuites) > 0},
	} {
		if option.set {
			names = append(names, option.name)
		}
	}
	return names
}

// accepts asks the policy itself. Formats that are not built in are let in wherever
// the Bucket knows them, and the place of a bound object is no matter of policy.
func (l AuditLevel) accepts(h *envelope.Header) bool {
	opts := l.Open
	opts.ExtraSuites = h.Required().ExtraSuites
	if opts.Bind == (envelope.Binding{}) {
		opts.Bind.Key = "any"
	}
	return opts.Permit(h) == nil
}

// maxWrappedAES is the most that a wrap by an AES key makes of a CEK of 32 bytes;
// the smallest RSA key makes more. It tells them apart where nothing is named.
const maxWrappedAES = 60

func keyOf(alg wrap.Algorithm, size int, desc map[string]string) AuditKey {
	k := AuditKey{Wrap: alg.String()}
	switch alg {
	case wrap.KMSContext, wrap.KMSPlain:
		k.Kind = "kms"
		k.KMSKeys, k.Context = contextOf(desc)
		return k
	case wrap.RSAOAEPSHA1, wrap.RSAOAEPSHA256, wrap.RSAPKCS1, wrap.RSARaw:
		k.Kind = "rsa"
	case wrap.Unnamed:
		k.Kind = "aes"
		if size > maxWrappedAES {
			k.Kind = "rsa"
		}
	default:
		k.Kind = "aes"
	}
	if k.Kind == "rsa" {
		k.Bits = size * 8
	}
	k.MatDesc = clippedMap(desc)
	return k
}

// contextOf splits an encryption context into the keys that it names and the
// names of the rest.
func contextOf(desc map[string]string) (keys, names []string) {
	for _, name := range slices.Sorted(maps.Keys(desc)) {
		switch value := desc[name]; {
		case name == contextAlg:
		case name == contextKey, strings.HasPrefix(value, "arn:") && strings.Contains(value, ":kms:"):
			keys = append(keys, clipped(value, maxValue))
		default:
			names = append(names, clipped(name, maxValue))
		}
	}
	return keys[:min(len(keys), maxEntries)], names[:min(len(names), maxEntries)]
}

// Bounds of what a report keeps of values from storage, which may be as large as
// an instruction file.
const (
	maxValue   = 128
	maxDetail  = 256
	maxEntries = 8
)

func clipped(s string, limit int) string {
	if len(s) > limit {
		return strings.ToValidUTF8(s[:limit], "") + "..."
	}
	return strings.Clone(s) // not a window on something large
}

func clippedMap(m map[string]string) map[string]string {
	if len(m) == 0 {
		return nil
	}
	c := make(map[string]string)
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if len(c) == maxEntries {
			break
		}
		c[clipped(name, maxValue)] = clipped(m[name], maxValue)
	}
	return c
}

// sealedObject fills in what Stat has found.
func (o *AuditObject) sealedObject(info *backend.ObjectInfo, levels []AuditLevel) {
	if info.Header == nil {
		o.plainObject(info, levels)
		return
	}
	o.Kind = KindSealed
	o.AuditEnvelope = envelopeOf(info.Header, info.InstructionFile, levels)
	if info.PlaintextSizeMin < 0 {
		o.note(FlagSize, "no %v body has %d bytes", info.Header.Suite, info.Size)
	}
}

// plainObject is for an object that has no envelope.
func (o *AuditObject) plainObject(info *backend.ObjectInfo, levels []AuditLevel) {
	if backend.CiphertextHint(info.Metadata) != "" {
		o.Kind = KindDamaged
		o.note(FlagFileMissing, "metadata has the hints of an encrypting writer, and no envelope")
		return
	}
	o.Kind = KindPlaintext
	o.Needs = needs(envelope.OpenOptions{AllowPlaintext: true})
	for _, level := range levels {
		if level.Open.AllowPlaintext && !level.Open.RequireBound {
			o.Accepts = append(o.Accepts, level.Name)
		}
	}
	o.note(FlagPlaintext, "")
}

func (o *AuditObject) note(flag AuditFlag, format string, args ...any) {
	o.Notes = append(o.Notes, noted(flag, format, args...))
}
