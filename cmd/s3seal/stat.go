// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// statCmd describes an object.
type statCmd struct {
	Key          []text `group:"Key:" short:"k" sep:"none" placeholder:"KEY" help:"Also say whether this key opens the object, by its envelope alone; may be repeated, for any of them."`
	JSON         bool   `name:"json" help:"Print one JSON object with stable names."`
	contextFlags `group:"Key:"`
	suffixFlags  `group:"Storage:"`
	storageFlags
	Src text `arg:"" help:"The object."`
}

// Help implements kong.HelpProvider.
func (statCmd) Help() string {
	return `What it prints comes from the metadata, which nothing authenticates until the object is read; what put --meta
has stored never is.
With -k it says whether the key opens the object, and ends with 3 if not. It unwraps the content key and
checks the commitment to it; the body is not read, and may be damaged all the same.

Example:

    s3seal stat s3://bucket/dump.gz
    s3seal stat --json dir:./vault/README.md
    s3seal stat -k aes:vault.key s3://bucket/dump.gz`
}

// formatUnknown is the format of an object whose envelope is in an instruction file
// that is not there.
const formatUnknown = "unknown"

// A statReport is what stat prints. The JSON names are relied upon.
type statReport struct {
	Address          string            `json:"address"`
	Encrypted        bool              `json:"encrypted"`
	Format           string            `json:"format,omitempty"`
	ContentAlgorithm string            `json:"content_algorithm,omitempty"`
	Wrap             string            `json:"wrap,omitempty"`
	MatDesc          map[string]string `json:"matdesc,omitzero"`
	InstructionFile  string            `json:"instruction_file,omitempty"`
	StoredSize       int64             `json:"stored_size"`
	PlaintextSize    *int64            `json:"plaintext_size,omitempty"`
	PlaintextSizeMin *int64            `json:"plaintext_size_min,omitempty"`
	PlaintextSizeMax *int64            `json:"plaintext_size_max,omitempty"`
	Committed        bool              `json:"committed"`
	Bound            bool              `json:"bound,omitempty"`
	Recipients       []statRecipient   `json:"recipients,omitempty"` // all of them, where there are several
	Key              string            `json:"key,omitempty"`
	Opens            string            `json:"opens,omitempty"`
	Accept           string            `json:"accept,omitempty"`
	Allow            []string          `json:"allow,omitempty"`
	ETag             string            `json:"etag"`
	VersionID        string            `json:"version_id,omitempty"`
	ContentType      string            `json:"content_type,omitempty"`
	Metadata         map[string]string `json:"metadata,omitempty"` // the caller's own
}

// Run prints the description.
func (c *statCmd) Run(ctx context.Context, a *app) error {
	at, err := parseAddress(string(c.Src))
	if err != nil {
		return err
	}
	var keys *wrap.Keyring
	if len(c.Key) > 0 || len(c.EncryptionContext) > 0 || c.RequireContext {
		if keys, err = a.loadKeyring(c.Key, c.contextFlags, c.Region); err != nil {
			return err
		}
	}
	st, err := c.openStorage(a, at, false)
	if err != nil {
		return err
	}
	defer st.Close()
	info, err := backend.NewBucket(st.driver, nil, nil, &backend.Options{Open: envelope.OpenOptions{ExtraSuites: extraSuites()}, InstructionSuffix: c.suffix()}).Stat(ctx, at.key)
	if err != nil {
		return at.about(err)
	}
	if isLost(info) { // what is stored is no plaintext, and tells no size of it
		info.PlaintextSizeMin, info.PlaintextSizeMax = -1, -1
	}
	d := describe(at, info)
	var reason error
	if keys != nil {
		d.Opens, reason = verdict(ctx, st.driver, at, info.Header, keys)
	}
	if reason != nil && isLost(info) {
		reason = explainRefusal(reason, nil, info.Metadata)
	}
	return firstOf(c.print(a, d, at, info), at.about(reason))
}

// print prints the description in the form that was asked for.
func (c *statCmd) print(a *app, d *statReport, at address, info *backend.ObjectInfo) error {
	if c.JSON {
		return a.printJSON(d)
	}
	return a.printLines(statLines(d, at, info))
}

// isLost says whether an object is ciphertext whose envelope was not found.
func isLost(info *backend.ObjectInfo) bool {
	return info.Header == nil && backend.CiphertextHint(info.Metadata) != ""
}

// describe puts an object in the terms of the JSON output.
func describe(at address, info *backend.ObjectInfo) *statReport {
	d := &statReport{
		Address:     at.text,
		StoredSize:  info.Size,
		ETag:        info.ETag,
		VersionID:   info.VersionID,
		ContentType: info.ContentType,
		Metadata:    ownMetadata(info.Metadata),
	}
	d.setPlaintextSize(info.PlaintextSizeMin, info.PlaintextSizeMax)
	h := info.Header
	switch {
	case isLost(info):
		d.Format = formatUnknown
		return d
	case h == nil:
		d.Allow = []string{flagPlaintext}
		return d
	}
	d.Encrypted = true
	d.Format, d.ContentAlgorithm = formatName(h.Suite)
	d.Wrap = h.Wrap.String()
	d.MatDesc = h.MatDesc
	if d.MatDesc == nil {
		d.MatDesc = map[string]string{}
	}
	d.InstructionFile = info.InstructionFile
	d.Committed = !h.Required().AllowUncommitted
	d.Bound = h.Bound
	d.setRecipients(h)
	d.Key = keyKind(h)
	d.Accept, d.Allow = acceptFor(h.Required())
	return d
}

func (d *statReport) setPlaintextSize(lo, hi int64) {
	switch {
	case lo < 0 || hi < 0:
	case lo == hi:
		d.PlaintextSize = &lo
	default:
		d.PlaintextSizeMin, d.PlaintextSizeMax = &lo, &hi
	}
}

// statLines puts an object in words, a name and a value on each line.
func statLines(d *statReport, at address, info *backend.ObjectInfo) [][2]string {
	lines := [][2]string{{"address", at.text}}
	if h := info.Header; h != nil {
		lines = append(lines,
			[2]string{"format", formatText(h.Suite)},
			[2]string{"content", contentText(h.Suite)},
			[2]string{"wrap", wrapText(h)},
			[2]string{"matdesc", pairsText(h.MatDesc)},
		)
		lines = append(lines, d.recipientLines()...)
		lines = append(lines,
			[2]string{"committed", yesNo(d.Committed)},
			[2]string{"needs", keyText(h) + ", " + strings.Join(append([]string{"--accept " + d.Accept}, d.Allow...), " ")},
		)
	} else {
		lines = append(lines, [2]string{"format", plainText(at, info)})
	}
	if d.Opens != "" {
		lines = append(lines, [2]string{"opens", d.opensText()})
	}
	if info.InstructionFile != "" {
		lines = append(lines, [2]string{"envelope", info.InstructionFile})
	}
	lines = append(lines,
		[2]string{"stored", fmt.Sprintf("%d bytes", info.Size)},
		[2]string{"plaintext", sizeText(info.PlaintextSizeMin, info.PlaintextSizeMax)},
		[2]string{"etag", info.ETag},
	)
	if info.VersionID != "" {
		lines = append(lines, [2]string{"version", info.VersionID})
	}
	lines = append(lines, [2]string{"type", info.ContentType})
	for _, name := range slices.Sorted(maps.Keys(d.Metadata)) {
		lines = append(lines, [2]string{"meta", name + "=" + d.Metadata[name]})
	}
	return lines
}

// ownMetadata returns what put --meta and its like have stored, without envelopes
// and what else begins as theirs do.
func ownMetadata(meta map[string]string) map[string]string {
	own := make(map[string]string)
	for name, value := range meta {
		if !backend.ReservedMetadata(strings.TrimPrefix(strings.ToLower(name), "x-amz-meta-")) {
			own[name] = value
		}
	}
	return own
}

// plainText says what an object without an envelope may be.
func plainText(at address, info *backend.ObjectInfo) string {
	if other := at.elsewhere(); other != "" {
		return "no metadata in the folder " + at.root + ": is it " + other + "?"
	}
	if isLost(info) {
		return formatUnknown + ": the envelope is in an instruction file that is not there (" + flagInstructionSuffix + " finds others)"
	}
	return "not encrypted; read it with " + flagPlaintext
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// printLines prints names and values in two columns.
func (a *app) printLines(lines [][2]string) error {
	for _, line := range lines {
		if _, err := fmt.Fprintf(a.stdout, "%-10s %s\n", line[0], printable(line[1])); err != nil {
			return fmt.Errorf("write stdout: %w", err)
		}
	}
	return nil
}
