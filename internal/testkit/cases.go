// SPDX-License-Identifier: Apache-2.0

package testkit

import (
	"crypto/rsa"
	"fmt"
	"slices"
	"strings"
)

// An entry says how one case is made: an object that opens, and what is done to
// it. What may be released is settled after edit, unless all of it may.
type entry struct {
	name    string
	attacks string
	comment string
	recipe  recipe
	expect  Outcome
	edit    func(m *made)
}

// The usual objects.
var (
	usualV3  = recipe{suite: V3, wrap: AESGCM, n: 17}
	usualGCM = recipe{suite: V2GCM, wrap: AESGCM, n: 17}
	usualCBC = recipe{suite: V2CBC, wrap: AESKW, n: 40}
	usualCTR = recipe{suite: V2CTR, wrap: AESKW, n: 40}
	usualV1  = recipe{suite: V1, wrap: AESECB, n: 40}
	usualOwn = recipe{suite: Chunked, wrap: AESGCM, n: 17}
	usualD2  = recipe{suite: DARE2, wrap: AESGCM, n: 17}
	place    = &Place{"bucket", "a/key"}
)

func (r recipe) with(change func(r *recipe)) recipe {
	change(&r)
	return r
}

func (r recipe) wrapped(alg string) recipe { return r.with(func(r *recipe) { r.wrap = alg }) }
func (r recipe) size(n int) recipe         { return r.with(func(r *recipe) { r.n = n }) }
func (r recipe) inFile() recipe            { return r.with(func(r *recipe) { r.file = true }) }
func (r recipe) at(p *Place) recipe        { return r.with(func(r *recipe) { r.bind = p }) }

// Cases makes all cases, sorted by name. priv is the RSA key of those that have
// one.
func Cases(priv *rsa.PrivateKey) ([]*Case, error) {
	k := newKit(priv)
	var all []*Case
	for _, e := range slices.Concat(goodEntries(), ownEntries(), fileEntries(), policyEntries(), mixedEntries(), valueEntries(),
		spellingEntries(), descriptionEntries(), commitmentEntries(), bindingEntries(), downgradeEntries(), wrappedEntries(), rsaEntries(),
		bodyEntries(), cbcEntries(), chunkEntries(), wrongFileEntries(), swapEntries(), rangeEntries()) {
		m := k.make(e.name, e.recipe)
		m.Expect, m.Comment, m.Attacks = e.expect, e.comment, strings.Fields(e.attacks)
		if e.expect == "" {
			m.Expect = Success
		}
		if e.edit != nil {
			e.edit(m)
		}
		m.settle()
		if err := m.finish(); err != nil {
			return nil, err
		}
		all = append(all, m.Case)
	}
	slices.SortFunc(all, func(a, b *Case) int { return strings.Compare(a.Name, b.Name) })
	for i := range all[1:] {
		if all[i].Name == all[i+1].Name {
			return nil, fmt.Errorf("testkit: two cases %s", all[i].Name)
		}
	}
	return all, nil
}

// goodEntries are objects as clients write them.
func goodEntries() (all []entry) {
	sizes := func(name string, r recipe, sizes ...int) {
		for _, n := range sizes {
			all = append(all, entry{
				name: fmt.Sprintf("good-%s-%d", name, n), recipe: r.size(n),
				comment: fmt.Sprintf("%s, key wrapped by %s, %d bytes", r.suite, r.wrap, n),
			})
		}
	}
	sizes("v3-aes", usualV3, 0, 1, 16, 17, 4096)
	sizes("v3-rsa", usualV3.wrapped(RSAOAEPSHA1), 17)
	sizes("v3-kms", usualV3.wrapped(KMSContext), 17)
	sizes("v2-gcm-aes", usualGCM, 0, 15, 17)
	for _, alg := range []string{AESKW, RSAOAEPSHA1, RSAOAEPSHA256, KMSPlain, KMSContext} {
		sizes("v2-gcm-"+alg, usualGCM.wrapped(alg), 17)
	}
	sizes("v2-cbc-aes-wrap", usualCBC, 0, 1, 15, 16, 17)
	for _, alg := range []string{AESGCM, RSAOAEPSHA1, KMSPlain, KMSContext} {
		sizes("v2-cbc-"+alg, usualCBC.wrapped(alg), 17)
	}
	sizes("v2-ctr", usualCTR, 0, 1, 40)
	sizes("v1-aes", usualV1, 0, 16, 17)
	sizes("v1-rsa", usualV1.wrapped(RSAPKCS1), 17)
	return append(all, oddEntries()...)
}

// oddEntries are what some clients only have written.
func oddEntries() []entry {
	cek := func(n int) func(*recipe) { return func(r *recipe) { r.cek = n } }
	unnamed := func(r *recipe) { r.unnamed = true }
	return []entry{
		{name: "good-v1-cek-16", recipe: usualV1.with(cek(16)), comment: "a CEK of 16 bytes, as one Python client made them"},
		{name: "good-v1-cek-24", recipe: usualV1.with(cek(24)), comment: "a CEK of 24 bytes"},
		{
			name: "good-v1-ecb-without-padding", recipe: usualV1, comment: "a wrapped key of 32 bytes that is no padded one is the CEK itself",
			edit: func(m *made) { m.rewrap(ecb(m.kit.aes, m.cek)) },
		},
		{
			name: "good-v1-no-description", recipe: usualV1, comment: "no materials description: as if it was {}",
			edit: func(m *made) { m.Remove("x-amz-matdesc") },
		},
		{name: "good-v2-gcm-cek-16", recipe: usualGCM.wrapped(AESKW).with(cek(16)), comment: "AES-128 content"},
		{name: "good-v2-gcm-cek-24", recipe: usualGCM.wrapped(AESKW).with(cek(24)), comment: "AES-192 content"},
		{name: "good-v2-gcm-unnamed-rsa", recipe: usualGCM.wrapped(RSAPKCS1).with(unnamed), comment: "GCM whose wrap has no name: PKCS #1 v1.5, by the kind of key"},
		{name: "good-v2-gcm-unnamed-aes", recipe: usualGCM.wrapped(AESECB).with(unnamed), comment: "GCM whose wrap has no name: AES-ECB, by the kind of key"},
		{
			name: "good-v2-cbc-no-cipher", recipe: usualCBC, comment: "no x-amz-cek-alg: the oldest Java clients had CBC only",
			edit: func(m *made) { m.Remove("x-amz-cek-alg") },
		},
		{name: "good-v2-cbc-pkcs7", recipe: usualCBC.with(func(r *recipe) { r.alg = "AES/CBC/PKCS7Padding" }), comment: "the other name of the padding"},
		{
			name: "good-v2-cbc-pkcs7-bound", recipe: usualCBC.wrapped(AESGCM).with(func(r *recipe) { r.alg = "AES/CBC/PKCS7Padding" }), attacks: "A2",
			comment: "the other name of the padding; the wrap binds the text as it is written",
		},
		{name: "good-v2-cbc-tag-length", recipe: usualCBC, comment: "a tag length beside CBC, which has no tag", edit: func(m *made) { m.Set("x-amz-tag-len", "0") }},
		{name: "good-v2-gcm-no-tag-length", recipe: usualGCM, comment: "no tag length: 128", edit: func(m *made) { m.Remove("x-amz-tag-len") }},
		{
			name: "good-v2-gcm-tag-bytes", recipe: usualGCM.wrapped(AESKW), comment: "the tag length in bytes, as one Python client writes it",
			edit: func(m *made) { m.Set("x-amz-tag-len", "16") },
		},
		{name: "good-v2-gcm-aad", recipe: usualGCM.with(func(r *recipe) { r.aad = "somebody's" }), comment: "additional data of the content, which only the reader knows"},
		{
			name: "good-v2-oaep-sha256-mgf1-sha256", recipe: usualGCM.wrapped(RSAOAEPSHA256), attacks: "C5", comment: "OAEP with SHA-256 for MGF1, too: BouncyCastle",
			edit: func(m *made) { m.rewrap(oaepSHA256.encrypt(&m.kit.priv.PublicKey, m.draw("seed", 32), m.cek)) },
		},
		{
			name: "good-v2-kms-context-of-user", recipe: usualGCM.wrapped(KMSContext).with(func(r *recipe) { r.desc = map[string]string{"user": "\u00e9 <&>"} }),
			comment: "a context with a value outside ASCII",
		},
		{
			name: "good-v2-kms-cmk", recipe: usualGCM.wrapped(KMSPlain).with(func(r *recipe) { r.desc = map[string]string{"kms_cmk_id": "key of the writer"} }),
			attacks: "A4", comment: "the object names a KMS key; the reader asks its own one",
		},
		{name: "good-v3-no-description", recipe: usualV3, comment: "V3 without x-amz-m", edit: func(m *made) { m.Remove("x-amz-m") }},
		{
			name: "good-v3-empty-names", recipe: usualV3.wrapped(KMSContext), comment: "empty values are as good as absent ones",
			edit: func(m *made) { m.metadata("x-amz-m", "", "x-amz-unencrypted-content-length", "", "x-amz-key", "") },
		},
		{name: "good-v3-zero-message-id", recipe: usualV3, attacks: "B4", comment: "a message id of zeros: odd, and read", edit: func(m *made) { m.sealV3(make([]byte, 28)) }},
		{name: "good-v2-zero-iv", recipe: usualGCM, attacks: "B4", comment: "an IV of zeros: odd, and read", edit: func(m *made) {
			m.iv = make([]byte, 12)
			m.Set("x-amz-iv", encode(m.iv))
			m.Body = gcm(m.key).Seal(nil, m.iv, m.plain, nil)
		}},
		{name: "good-v2-ctr-counter-wraps", recipe: usualCTR, attacks: "C3", comment: "the counter block begins with ff only: all 128 bits of it count", edit: func(m *made) {
			m.iv = slices.Repeat([]byte{0xff}, 16)
			m.Set("x-amz-iv", encode(m.iv))
			m.Body = ctr(m.key, m.iv, m.plain)
		}},
		{name: "good-v2-gcm-iv-of-ones", recipe: usualGCM.size(100), attacks: "C3", comment: "the counter of GCM never reaches its IV", edit: func(m *made) {
			m.iv = slices.Repeat([]byte{0xff}, 12)
			m.Set("x-amz-iv", encode(m.iv))
			m.Body = gcm(m.key).Seal(nil, m.iv, m.plain, nil)
		}},
	}
}

// ownEntries are objects of s3seal's own formats.
func ownEntries() (all []entry) {
	for _, n := range []int{0, 1, chunk - 1, chunk, chunk + 1} {
		all = append(all, entry{name: fmt.Sprintf("good-chunked-%d", n), recipe: usualOwn.size(n), comment: fmt.Sprintf("Chunked, %d bytes", n)})
	}
	for _, n := range []int{0, 1, 1 << 16, 1<<16 + 1} {
		all = append(all, entry{name: fmt.Sprintf("good-dare2-%d", n), recipe: usualD2.size(n), comment: fmt.Sprintf("DARE 2.0, %d bytes", n)})
	}
	for _, alg := range []string{RSAOAEPSHA1, KMSContext} {
		all = append(all, entry{name: "good-chunked-" + alg, recipe: usualOwn.wrapped(alg), comment: "Chunked, key wrapped by " + alg})
	}
	several := usualOwn.with(func(r *recipe) { r.more = []string{KMSContext, RSAOAEPSHA1} })
	last := usualOwn.with(func(r *recipe) { r.more = slices.Repeat([]string{KMSContext}, 7) })
	return append(all, []entry{
		{name: "good-chunked-bound", recipe: usualOwn.at(place), attacks: "B5", comment: "bound to bucket and key"},
		{name: "good-dare2-bound", recipe: usualD2.at(place), attacks: "B5", comment: "bound to bucket and key"},
		{name: "good-dare2-bound-0", recipe: usualD2.at(place).size(0), comment: "an empty object, bound: its salt depends on the names"},
		{name: "good-chunked-required-bound", recipe: usualOwn.at(place), comment: "bound, as the reader requires", edit: func(m *made) { m.Allow = append(m.Allow, RequireBound) }},
		{name: "good-chunked-bind-unneeded", recipe: usualOwn, comment: "not bound, read by a reader that would know the names", edit: func(m *made) { m.Bind = place }},
		{name: "good-chunked-second-recipient", recipe: several, comment: "three recipients; the reader is the second", edit: func(m *made) { m.Keys = []Key{m.kit.key(KMSContext)} }},
		{name: "good-chunked-third-recipient", recipe: several, comment: "three recipients; the reader is the third", edit: func(m *made) { m.Keys = []Key{m.kit.key(RSAOAEPSHA1)} }},
		{name: "good-chunked-eighth-recipient", recipe: last, comment: "eight recipients; only the last is right", edit: func(m *made) {
			m.Keys = []Key{m.kit.key(KMSContext)}
			for i := 2; i < 8; i++ {
				m.flip(fmt.Sprint("s3seal-key-", i), 20)
			}
		}},
	}...)
}

// fileEntries are instruction files as clients write them.
func fileEntries() []entry {
	v2 := usualGCM.inFile()
	return []entry{
		{name: "file-v1", recipe: usualV1.inFile(), comment: "V1 in an instruction file"},
		{name: "file-v2", recipe: v2, comment: "V2 in an instruction file"},
		{name: "file-v3", recipe: usualV3.inFile(), comment: "V3 in an instruction file, with commitment and message id at the object"},
		{name: "file-v3-kms", recipe: usualV3.wrapped(KMSContext).inFile(), comment: "the same with a context"},
		{name: "file-chunked", recipe: usualOwn.inFile(), comment: "Chunked in an instruction file"},
		{name: "file-dare2", recipe: usualD2.inFile(), comment: "DARE 2.0 in an instruction file, with the salt at the object"},
		{name: "file-hint-at-object", recipe: v2, comment: "the object has the length, and the file the envelope", edit: func(m *made) { m.Set("x-amz-unencrypted-content-length", "17") }},
		{name: "file-marker", recipe: v2, comment: "an object with other user metadata", edit: func(m *made) { m.Set("x-amz-crypto-instr-file", "") }},
		{name: "file-number", recipe: v2, comment: "numbers instead of texts, as PHP writes them", edit: func(m *made) {
			m.Instruction = []byte(strings.Replace(string(m.Instruction), `"128"`, `128`, 1))
		}},
		{name: "file-blanks", recipe: v2, comment: "blanks wherever JSON allows them", edit: func(m *made) {
			m.Instruction = []byte(" \n" + strings.ReplaceAll(string(m.Instruction), `","`, "\" ,\r\n\t\"") + "\n")
		}},
		{name: "file-escapes", recipe: v2, comment: "escapes in names and values", edit: func(m *made) {
			m.Instruction = []byte(strings.NewReplacer("/", `\/`, "x-amz-key-v2", `\u0078-amz-key-v2`).Replace(string(m.Instruction)))
		}},
		{name: "file-unknown-names", recipe: v2, comment: "names that are no envelope's, of any type", edit: func(m *made) {
			m.Instruction = []byte(`{"hello":[{"x-amz-key":1}],` + string(m.Instruction[1:]))
		}},
		{name: "file-as-large", recipe: v2, attacks: "B6", comment: "64 KiB, which is as large as may be", edit: func(m *made) {
			m.Instruction = append(m.Instruction, slices.Repeat([]byte(" "), maxFile-len(m.Instruction))...)
		}},
		{
			name: "file-beside-envelope", recipe: usualGCM, attacks: "B6", comment: "an instruction file beside an object with an envelope of its own is not looked at",
			edit: func(m *made) { m.Instruction = []byte("{") },
		},
	}
}
