// SPDX-License-Identifier: Apache-2.0

package bulk_test

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/bulk"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
)

// A planted object is one that an audit must flag.
type planted struct {
	name string
	put  func(t *testing.T, d *mem.Driver, all map[string]stored)
	want map[string]bulk.AuditFlag // by key; any other object has no flag
	kind string                    // of the first key of want
}

// v3Names are what a spoofed V3 object carries besides its wrapped key.
var v3Names = map[string]string{"x-amz-c": "115", "x-amz-w": "02"}

func onKey(flag bulk.AuditFlag) map[string]bulk.AuditFlag {
	return map[string]bulk.AuditFlag{"k": flag}
}

// plantedMetadata are those that show in the metadata of one object.
func plantedMetadata() []planted {
	put := func(config string, changes map[string]string) func(*testing.T, *mem.Driver, map[string]stored) {
		return func(t *testing.T, d *mem.Driver, all map[string]stored) { all[config].with(changes).put(t, d, "k") }
	}
	const v1, v2, v3 = "aes256-ruby1-cbc", "rsa2048-ruby2-gcm", "aes256-ruby3-commit"
	blob := strings.Repeat("AAAA", 20)
	return []planted{
		{"V1 and V2 key", put(v1, map[string]string{"x-amz-key-v2": blob}), onKey(bulk.FlagMixed), bulk.KindDamaged},
		{"V2 and V1 key", put(v2, map[string]string{"x-amz-key": blob}), onKey(bulk.FlagMixed), bulk.KindDamaged},
		{"V2 and V3 key", put(v2, map[string]string{"x-amz-3": blob}), onKey(bulk.FlagMixed), bulk.KindDamaged},
		{"V3 and IV of V2", put(v3, map[string]string{"x-amz-iv": blob}), onKey(bulk.FlagMixed), bulk.KindDamaged},
		{"V3 and our names", put(v3, map[string]string{"s3seal-bound": "1"}), onKey(bulk.FlagMixed), bulk.KindDamaged},
		{"V2 dressed as V3", put(v2, v3Names), onKey(bulk.FlagSpoofedV3), bulk.KindDamaged},
		{"V1 dressed as V3", put(v1, v3Names), onKey(bulk.FlagSpoofedV3), bulk.KindDamaged},
		{"V2 without its key, dressed as V3", put(v2, map[string]string{"x-amz-key-v2": "", "x-amz-c": "115"}), onKey(bulk.FlagDamaged), bulk.KindDamaged},
		{"V3 without commitment", put(v3, map[string]string{"x-amz-d": ""}), onKey(bulk.FlagDamaged), bulk.KindDamaged},
		{"unknown suite", put(v3, map[string]string{"x-amz-c": "116"}), onKey(bulk.FlagDamaged), bulk.KindDamaged},
		{"short IV", put(v2, map[string]string{"x-amz-iv": "AAAA"}), onKey(bulk.FlagDamaged), bulk.KindDamaged},
		{"not base64", put(v1, map[string]string{"x-amz-key": "%"}), onKey(bulk.FlagDamaged), bulk.KindDamaged},
		{"a name of ours that none has", func(t *testing.T, d *mem.Driver, _ map[string]stored) {
			sealedBy(t, d, "k", auditKey(t), &backend.Options{Seal: envelope.SealOptions{Suite: envelope.Chunked}}, nil)
			restored(t, d, "k", map[string]string{"s3seal-future": "1"})
		}, onKey(bulk.FlagDamaged), bulk.KindDamaged},
		{"ours and V2", func(t *testing.T, d *mem.Driver, _ map[string]stored) {
			sealedBy(t, d, "k", auditKey(t), &backend.Options{Seal: envelope.SealOptions{Suite: envelope.Chunked}}, nil)
			restored(t, d, "k", map[string]string{"x-amz-matdesc": "{}"})
		}, onKey(bulk.FlagMixed), bulk.KindDamaged},
		{"ours and a name of V3", func(t *testing.T, d *mem.Driver, _ map[string]stored) {
			sealedBy(t, d, "k", auditKey(t), &backend.Options{Seal: envelope.SealOptions{Suite: envelope.Chunked}}, nil)
			restored(t, d, "k", map[string]string{"x-amz-c": "115"})
		}, onKey(bulk.FlagMixed), bulk.KindDamaged},
		{"cut GCM body", func(t *testing.T, d *mem.Driver, all map[string]stored) {
			s := all[v2]
			s.body = s.body[:15]
			s.put(t, d, "k")
		}, onKey(bulk.FlagSize), bulk.KindSealed},
		{"cut CBC body", func(t *testing.T, d *mem.Driver, all map[string]stored) {
			s := all[v1]
			s.body = s.body[:len(s.body)-1]
			s.put(t, d, "k")
		}, onKey(bulk.FlagSize), bulk.KindSealed},
		{"plaintext", func(t *testing.T, d *mem.Driver, _ map[string]stored) {
			rawPut(t, d, "k", []byte("plain"), map[string]string{"author": "me"})
		}, onKey(bulk.FlagPlaintext), bulk.KindPlaintext},
		{"hints without envelope", func(t *testing.T, d *mem.Driver, _ map[string]stored) {
			rawPut(t, d, "k", []byte("plain"), map[string]string{"x-amz-unencrypted-content-length": "5"})
		}, onKey(bulk.FlagFileMissing), bulk.KindDamaged},
	}
}

// plantedFiles are those with an instruction file.
func plantedFiles() []planted {
	const (
		v1, v2, v3 = "aes256-java1-cbc-if", "aes256-java2-gcm-if", "aes256-ruby3-commit-if"
		file       = "k.instruction"
	)
	return []planted{
		{"orphan", func(t *testing.T, d *mem.Driver, all map[string]stored) {
			all[v2].put(t, d, "k")
			remove(t, d, "k")
		}, map[string]bulk.AuditFlag{file: bulk.FlagOrphan}, bulk.KindInstruction},
		{"file of V3 missing", func(t *testing.T, d *mem.Driver, all map[string]stored) {
			all[v3].put(t, d, "k")
			remove(t, d, file)
		}, onKey(bulk.FlagFileMissing), bulk.KindDamaged},
		{"file of V2 missing", func(t *testing.T, d *mem.Driver, all map[string]stored) {
			all[v2].put(t, d, "k")
			remove(t, d, file)
		}, onKey(bulk.FlagPlaintext), bulk.KindPlaintext}, // there is no way to tell
		{"V3 and a file", func(t *testing.T, d *mem.Driver, all map[string]stored) {
			all["aes256-ruby3-commit"].put(t, d, "k")
			rawPut(t, d, file, all[v3].file, nil)
		}, map[string]bulk.AuditFlag{file: bulk.FlagFileUnneeded}, bulk.KindInstruction},
		{"V1 and a file", func(t *testing.T, d *mem.Driver, all map[string]stored) {
			all["aes256-ruby1-cbc"].put(t, d, "k")
			rawPut(t, d, file, all[v1].file, nil)
		}, map[string]bulk.AuditFlag{file: bulk.FlagTwoEnvelopes}, bulk.KindInstruction},
		{"V2 and a file", func(t *testing.T, d *mem.Driver, all map[string]stored) {
			all["rsa2048-ruby2-gcm"].put(t, d, "k")
			rawPut(t, d, file, all[v2].file, nil)
		}, map[string]bulk.AuditFlag{file: bulk.FlagTwoEnvelopes}, bulk.KindInstruction},
		{"chunked and a file", func(t *testing.T, d *mem.Driver, all map[string]stored) {
			sealedBy(t, d, "k", auditKey(t), &backend.Options{Seal: envelope.SealOptions{Suite: envelope.Chunked}}, nil)
			rawPut(t, d, file, all[v2].file, nil)
		}, map[string]bulk.AuditFlag{file: bulk.FlagFileUnneeded}, bulk.KindInstruction},
		{"damaged and a file", func(t *testing.T, d *mem.Driver, all map[string]stored) {
			all["rsa2048-ruby2-gcm"].with(v3Names).put(t, d, "k")
			rawPut(t, d, file, all[v2].file, nil)
		}, onKey(bulk.FlagSpoofedV3), bulk.KindDamaged},
		{"too large for a file", func(t *testing.T, d *mem.Driver, _ map[string]stored) {
			rawPut(t, d, file, make([]byte, envelope.MaxInstructionSize+1), nil)
		}, map[string]bulk.AuditFlag{file: bulk.FlagPlaintext}, bulk.KindPlaintext},
		{"commitment in the file", func(t *testing.T, d *mem.Driver, all map[string]stored) {
			s := all[v3]
			s.file = []byte(strings.Replace(string(s.file), "{", `{"x-amz-d":"`+s.Metadata["x-amz-d"]+`",`, 1))
			s.put(t, d, "k")
		}, onKey(bulk.FlagCommitmentInFile), bulk.KindDamaged},
		{"file of V2 on an object of V3", func(t *testing.T, d *mem.Driver, all map[string]stored) {
			s := all[v3]
			s.file = all[v2].file
			s.put(t, d, "k")
		}, onKey(bulk.FlagSpoofedV3), bulk.KindDamaged},
		{"not JSON", func(t *testing.T, d *mem.Driver, all map[string]stored) {
			s := all[v2]
			s.file = []byte("hello")
			s.put(t, d, "k")
		}, onKey(bulk.FlagDamaged), bulk.KindDamaged},
		{"object that is named like a file", func(t *testing.T, d *mem.Driver, all map[string]stored) {
			all["rsa2048-ruby2-gcm"].put(t, d, file)
		}, nil, ""},
		{"sidecar", func(t *testing.T, d *mem.Driver, all map[string]stored) {
			all["rsa2048-ruby2-gcm"].put(t, d, "k")
			rawPut(t, d, "k.key", []byte("blob"), nil)
		}, map[string]bulk.AuditFlag{"k.key": bulk.FlagSidecar}, bulk.KindSidecar},
		{"too large for a sidecar", func(t *testing.T, d *mem.Driver, all map[string]stored) {
			all["rsa2048-ruby2-gcm"].put(t, d, "k")
			rawPut(t, d, "k.key", make([]byte, backend.MaxSidecarSize+1), nil)
		}, map[string]bulk.AuditFlag{"k.key": bulk.FlagPlaintext}, bulk.KindPlaintext},
		{"beside plaintext", func(t *testing.T, d *mem.Driver, _ map[string]stored) {
			rawPut(t, d, "k", []byte("certificate"), nil)
			rawPut(t, d, "k.key", []byte("private"), nil)
		}, map[string]bulk.AuditFlag{"k.key": bulk.FlagPlaintext, "k": bulk.FlagPlaintext}, bulk.KindPlaintext},
		{"key file that is no sidecar", func(t *testing.T, d *mem.Driver, _ map[string]stored) {
			rawPut(t, d, "tls.key", []byte("blob"), nil)
		}, map[string]bulk.AuditFlag{"tls.key": bulk.FlagPlaintext}, bulk.KindPlaintext},
	}
}

func remove(t *testing.T, d backend.Driver, key string) {
	t.Helper()
	if err := d.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
}

// restored adds metadata to the object under key.
func restored(t *testing.T, d *mem.Driver, key string, more map[string]string) {
	t.Helper()
	info, err := d.Stat(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	s := stored{Metadata: info.Metadata}.with(more)
	if _, err := d.ReplaceMetadata(t.Context(), key, s.Metadata, info.ETag); err != nil {
		t.Fatal(err)
	}
}

// TestAuditFlags plants each spoof and each defect in a bucket of its own.
func TestAuditFlags(t *testing.T) {
	all := oneOfEach(t)
	for _, p := range slices.Concat(plantedMetadata(), plantedFiles()) {
		t.Run(p.name, func(t *testing.T) {
			d := mem.New()
			p.put(t, d, all)
			found := make(map[string]*bulk.AuditObject)
			report := auditAll(t, d, &bulk.AuditOptions{OnObject: func(o *bulk.AuditObject) { found[o.Key] = o }})
			for key, o := range found {
				flag, flagged := p.want[key]
				if flagged != (len(o.Notes) == 1) || flagged && (o.Notes[0].Flag != flag || o.Kind != p.kind) {
					t.Errorf("%s: kind %s, notes %+v; want %s, flag %q", key, o.Kind, o.Notes, p.kind, flag)
				}
				if o.Kind == bulk.KindDamaged && len(o.Accepts) > 0 {
					t.Errorf("%s: accepted by %q, though it is damaged", key, o.Accepts)
				}
			}
			objects := int64(0)
			for _, f := range report.Findings {
				objects += f.Objects
			}
			if objects != int64(len(p.want)) {
				t.Errorf("findings %+v, want %d objects", report.Findings, len(p.want))
			}
		})
	}
}

// TestAuditSpoofsReport writes one report of all that is planted.
func TestAuditSpoofsReport(t *testing.T) {
	all, d := oneOfEach(t), mem.New()
	for _, p := range slices.Concat(plantedMetadata(), plantedFiles()) {
		one := mem.New()
		p.put(t, one, all)
		for info := range one.List(t.Context(), &backend.ListOptions{}) {
			got, _, err := one.Get(t.Context(), info.Key, &backend.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			full, err := one.Stat(t.Context(), info.Key)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := d.Put(t.Context(), p.name+"/"+info.Key, got, info.Size, &backend.PutOptions{Metadata: full.Metadata}); err != nil {
				t.Fatal(err)
			}
			got.Close()
		}
	}
	report := auditAll(t, d, &bulk.AuditOptions{Examples: 3, MaxRows: 50})
	writeAll(t, "audit_spoofs", report)
}

// TestAuditSuffixes finds the files of other suffixes where the bucket does.
func TestAuditSuffixes(t *testing.T) {
	for _, suffix := range []string{".envelope", envelope.DotNetInstructionSuffix} {
		d := mem.New()
		own := &backend.Options{InstructionFile: true, InstructionSuffix: suffix}
		sealedBy(t, d, "used", auditKey(t), own, nil)
		rawPut(t, d, "orphan"+suffix, []byte("{}"), nil)
		rawPut(t, d, suffix, []byte("{}"), nil) // of nothing
		rawPut(t, d, "used"+envelope.InstructionSuffix, []byte("{}"), nil)
		b := backend.NewBucket(d, nil, nil, own)
		kinds := make(map[string]string)
		report, err := bulk.Audit(t.Context(), b, b.List(t.Context(), nil), &bulk.AuditOptions{
			InstructionSuffix: suffix, OnObject: func(o *bulk.AuditObject) { kinds[o.Key] = o.Kind },
		})
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"used": bulk.KindSealed, "used" + suffix: bulk.KindInstruction, "orphan" + suffix: bulk.KindInstruction, suffix: bulk.KindPlaintext, "used.instruction": bulk.KindInstruction}
		var flags []bulk.AuditFlag
		for _, f := range report.Findings {
			flags = append(flags, f.Flag)
		}
		if !maps.Equal(kinds, want) || !slices.Equal(flags, []bulk.AuditFlag{bulk.FlagOrphan, bulk.FlagFileUnneeded, bulk.FlagPlaintext}) {
			t.Errorf("%s: kinds %v, flags %v; want %v", suffix, kinds, flags, want)
		}
	}
}

// TestAuditChangedFiles replaces what belongs to objects, and hides an object
// from its file.
func TestAuditChangedFiles(t *testing.T) {
	d := mem.New()
	sealedBy(t, d, "k", auditKey(t), nil, nil)
	sealedBy(t, d, "hidden", auditKey(t), nil, nil)
	var listed []*backend.Info
	for _, key := range []string{"hidden.instruction", "k.instruction", "k.key"} {
		rawPut(t, d, key, []byte("{}"), nil)
		listed = append(listed, &backend.Info{Key: key, Size: 5, ETag: "another"})
	}
	b := keyless(statting{d, func(key string) error {
		if key == "hidden" {
			return errors.New("access denied")
		}
		return nil
	}})
	got := make(map[string][]bulk.AuditFlag)
	if _, err := bulk.Audit(t.Context(), b, sequence(listed), &bulk.AuditOptions{OnObject: func(o *bulk.AuditObject) {
		for _, n := range o.Notes {
			got[o.Key+" "+o.Kind] = append(got[o.Key+" "+o.Kind], n.Flag)
		}
	}}); err != nil {
		t.Fatal(err)
	}
	want := map[string][]bulk.AuditFlag{
		"hidden.instruction unknown":     {bulk.FlagChanged, bulk.FlagUnreadable},
		"k.instruction instruction-file": {bulk.FlagChanged, bulk.FlagFileUnneeded},
		"k.key sidecar":                  {bulk.FlagChanged, bulk.FlagSidecar},
	}
	if !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("flags %v, want %v", got, want)
	}
}

// statting is a driver whose Stat has a say of its own.
type statting struct {
	*mem.Driver
	stat func(key string) error
}

func (d statting) Stat(ctx context.Context, key string) (*backend.Info, error) {
	if err := d.stat(key); err != nil {
		return nil, err
	}
	return d.Driver.Stat(ctx, key)
}

// TestAuditChanged replaces, deletes and hides objects after they were listed.
func TestAuditChanged(t *testing.T) {
	d := mem.New()
	for _, key := range []string{"deleted", "hidden", "replaced", "same"} {
		sealedBy(t, d, key, auditKey(t), nil, nil)
	}
	var listed []*backend.Info
	for info := range d.List(t.Context(), &backend.ListOptions{}) {
		listed = append(listed, info)
	}
	listed = append(listed, &backend.Info{Key: "same", Noncurrent: true}, &backend.Info{Key: "same"}) // no ETag to compare
	sealedBy(t, d, "replaced", auditKey(t), nil, []byte("longer"))
	remove(t, d, "deleted")
	errHidden := errors.New("access denied")
	b := keyless(statting{d, func(key string) error {
		if key == "hidden" {
			return errHidden
		}
		return nil
	}})
	var failed []error
	report, err := bulk.Audit(t.Context(), b, sequence(listed), &bulk.AuditOptions{Options: bulk.Options{OnResult: func(r bulk.Result) {
		if r.Outcome == bulk.Failed {
			failed = append(failed, r.Err)
		}
	}}})
	if err != nil || len(failed) != 1 || !errors.Is(failed[0], errHidden) {
		t.Errorf("Audit = %v, failed %v; want the one that is hidden", err, failed)
	}
	got := make(map[bulk.AuditFlag][]string)
	for _, f := range report.Findings {
		for _, e := range f.Examples {
			got[f.Flag] = append(got[f.Flag], e.Key)
		}
	}
	if !slices.Equal(got[bulk.FlagChanged], []string{"deleted", "replaced"}) || !slices.Equal(got[bulk.FlagUnreadable], []string{"hidden"}) || len(got) != 2 {
		t.Errorf("findings %v", got)
	}
	if report.Noncurrent != 1 || report.Total.Objects != 5 {
		t.Errorf("%d noncurrent, total %+v; want 1 and 5", report.Noncurrent, report.Total)
	}
}

func sequence(infos []*backend.Info) iter.Seq2[*backend.Info, error] {
	return func(yield func(*backend.Info, error) bool) {
		for _, info := range infos {
			if !yield(info, nil) {
				return
			}
		}
	}
}
