// SPDX-License-Identifier: Apache-2.0

package bulk_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/bulk"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// exampleVault returns a store with a sealed object, an old one and one that
// somebody forgot to seal, and the key.
func exampleVault(ctx context.Context) (*mem.Driver, wrap.Key) {
	key, err := wrap.NewAESGCM(make([]byte, 32)) // a real one is random
	if err != nil {
		log.Fatal(err)
	}
	d := mem.New()
	for name, suite := range map[string]envelope.Suite{"orders": envelope.V3, "archive": envelope.V2CBC} {
		b := backend.NewBucket(d, key, key, &backend.Options{Seal: envelope.SealOptions{Suite: suite}})
		if _, err := b.Put(ctx, name, strings.NewReader("attack at dawn"), -1, nil); err != nil {
			log.Fatal(err)
		}
	}
	if _, err := d.Put(ctx, "notes", strings.NewReader("at dawn?"), -1, new(backend.PutOptions)); err != nil {
		log.Fatal(err)
	}
	return d, key
}

// The bucket has no keys: an audit needs none.
func ExampleAudit() {
	ctx := context.Background()
	d, _ := exampleVault(ctx)
	bucket := backend.NewBucket(d, nil, nil, nil)
	report, err := bulk.Audit(ctx, bucket, bucket.List(ctx, nil), nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, row := range report.Rows {
		fmt.Printf("%d %s %s, read by %q\n", row.Objects, row.Kind, row.Format, row.Accepts)
	}
	for _, finding := range report.Findings {
		fmt.Printf("%s: %s\n", finding.Flag, finding.Examples[0].Key)
	}
	// Output:
	// 1 sealed v2-cbc, read by ["legacy"]
	// 1 sealed v3, read by ["v3" "v2" "legacy"]
	// 1 plaintext , read by []
	// not-encrypted: notes
}

func ExampleReport_WriteTable() {
	ctx := context.Background()
	d, _ := exampleVault(ctx)
	bucket := backend.NewBucket(d, nil, nil, nil)
	report, err := bulk.Audit(ctx, bucket, bucket.List(ctx, nil), nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := report.WriteTable(os.Stdout); err != nil {
		log.Fatal(err)
	}
	// Output:
	// KIND       FORMAT  CONTENT               WRAP     KEYS  WHERE     BOUND  V3   V2   LEGACY  NEEDS           OBJECTS  BYTES
	// sealed     v2-cbc  AES/CBC/PKCS5Padding  AES/GCM  aes   metadata  no     no   no   yes     -               1        16
	// sealed     v3      115                   AES/GCM  aes   metadata  no     yes  yes  yes     -               1        30
	// plaintext  -       -                     -        -     -         -      no   no   no      AllowPlaintext  1        8
	// total      -       -                     -        -     -         -      -    -    -       -               3        54
	//
	// not-encrypted: objects 1, bytes 8
	//     notes
}

// Content that nothing authenticates is still proven by a list of what it was.
func ExampleVerify() {
	ctx := context.Background()
	d, key := exampleVault(ctx)
	bucket := backend.NewBucket(d, nil, key, &backend.Options{Open: envelope.OpenOptions{
		AllowUncommitted: true, AllowLegacyCBC: true,
		Release: envelope.UnverifiedUntilEOF(), // nothing is released
	}})
	var list bytes.Buffer // as sha256sum writes it
	for _, name := range []string{"archive", "orders"} {
		fmt.Fprintf(&list, "%x  %s\n", sha256.Sum256([]byte("attack at dawn")), name)
	}
	summary, err := bulk.Verify(ctx, bucket, bucket.List(ctx, nil), &bulk.VerifyOptions{Against: &list})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d verified, of which %d by the list only; %d failed; skipped: %v\n",
		summary.Done, summary.Unauthenticated, summary.Failed, summary.Reasons)
	// Output:
	// 2 verified, of which 1 by the list only; 0 failed; skipped: map[not encrypted:1]
}
