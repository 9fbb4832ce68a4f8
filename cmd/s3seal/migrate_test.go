// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend/s3/s3test"
)

// TestMigrateToV2: for readers that know nothing newer, and by whatever letters. It
// is compared with what is there, too.
func TestMigrateToV2(t *testing.T) {
	ks := newKeySet(t)
	newKMS(t, "alias/a")
	root := "dir:" + filepath.Join(t.TempDir(), "v")
	plain := map[string]string{"p/v1": "old", "p/v3": "new"}
	for key, content := range plain {
		cli(t, strings.NewReader(content), "put", "-q", "-k", ks.aes, "--format", key[2:], "-", root+"//"+key).want(t, exitOK)
	}
	for to, prefix := range map[string]string{ks.rsa: "rsa/", "kms:alias/a": "kms/", "kms-sidecar:alias/a": "sidecar/"} {
		for _, format := range []string{"V2", "v2"} {
			s := summaryOf(t, cli(t, nil, "migrate", "-k", ks.aes, "--accept", "legacy", "--to", to, "--format", format,
				"--json", root+"//p/", root+"//"+prefix).want(t, exitOK))
			if s.Done != 2 || s.Failed != 0 {
				t.Errorf("%s: %+v, want two objects", to, s)
			}
		}
		moved := map[string]string{prefix + "v1": "old", prefix + "v3": "new"}
		wantPlain(t, root, moved, to)
		for key, f := range formatsOf(t, root, moved) {
			if !strings.HasPrefix(f, "v2 "+contentGCM+" ") {
				t.Errorf("%s: format %s, want v2", key, f)
			}
		}
	}
}

// TestMigrateWithout: what DST cannot keep is a failure that names the flag that
// leaves it out, and the same journal goes on with that flag.
func TestMigrateWithout(t *testing.T) {
	ks := newKeySet(t)
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		useServer(t, srv)
		bucket, client := srv.NewBucket(t), srv.Client(t)
		from := s3Scheme + bucket + "/"
		cli(t, strings.NewReader("tagged"), "put", "-q", "-k", ks.aes, "--tag", "team=a", "-", from+"tags/x").want(t, exitOK)

		tmp := t.TempDir()
		meta := filepath.Join(tmp, "m.json")
		sealed := cli(t, strings.NewReader("named"), "seal", "-k", ks.aes, "--metadata-out", meta).want(t, exitOK)
		opts := minio.PutObjectOptions{ContentDisposition: `attachment; filename="ü"`}
		if err := json.Unmarshal(readFile(t, meta), &opts.UserMetadata); err != nil {
			t.Fatal(err)
		}
		if _, err := client.PutObject(t.Context(), bucket, "headers/x", bytes.NewReader([]byte(sealed.out)), int64(len(sealed.out)), opts); err != nil {
			t.Fatal(err)
		}
		for _, c := range [][]string{{"tags/", "--no-tags", "tagged"}, {"headers/", "--no-headers", "named"}} {
			to := "dir:" + filepath.Join(tmp, "v")
			migrate := []string{"migrate", "-k", ks.aes, "--journal", filepath.Join(tmp, strings.Trim(c[0], "/")), from + c[0], to + "//" + c[0]}
			wantPartly(t, cli(t, nil, migrate...), "s3seal: failed: "+from+c[0]+"x: ", " out with "+c[1]+"\n")
			cli(t, nil, append(migrate, c[1])...).want(t, exitOK)
			wantPlain(t, to, map[string]string{c[0] + "x": c[2]}, ks.aes)
		}
	})
}

// TestMigrateDryRun: it makes neither the folder nor the journal, goes on with one
// that is there, and says what a run then does.
func TestMigrateDryRun(t *testing.T) {
	ks := newKeySet(t)
	tmp := t.TempDir()
	root := "dir:" + filepath.Join(tmp, "v")
	for _, key := range []string{"a", "b"} {
		putN(t, ks.aes, root+"//p/"+key, 100).want(t, exitOK)
	}
	before := strings.Join(tree(t, tmp), "\n")
	run := func(flags ...string) jobSummary {
		t.Helper()
		args := []string{"migrate", "--json", "-k", ks.aes, "--to", ks.otherAES, "--journal", filepath.Join(tmp, "j"), root + "//p/"}
		return summaryOf(t, cli(t, nil, append(args, flags...)...).want(t, exitOK))
	}
	there := root + "2//q/"
	if s := run("--dry-run", there); s.Done != 2 || s.Bytes == 0 {
		t.Errorf("dry run = %+v, want two objects", s)
	}
	if s := summaryOf(t, cli(t, nil, "verify", "--json", "--dry-run", "-k", ks.aes, "--journal", filepath.Join(tmp, "j"), root).want(t, exitOK)); s.Done != 2 {
		t.Errorf("dry run of verify = %+v, want two objects", s)
	}
	if after := strings.Join(tree(t, tmp), "\n"); after != before {
		t.Errorf("files after a dry run = %s\nbefore = %s", after, before)
	}
	wantFiles(t, tmp, "v")
	if s := run(there); s.Done != 2 {
		t.Errorf("run = %+v, want two objects", s)
	}
	putN(t, ks.aes, root+"//p/c", 100).want(t, exitOK)
	journal := readFile(t, filepath.Join(tmp, "j"))
	if s := run("--dry-run", there); s.Done != 1 || s.Skipped != 2 {
		t.Errorf("dry run = %+v, want one object, and two that are done", s)
	}
	wantFile(t, filepath.Join(tmp, "j"), journal)
}

// TestMigrateBetweenServers: buckets of one name on two servers are two buckets.
// On one server they are one, by whatever name, and on AWS wherever it is.
func TestMigrateBetweenServers(t *testing.T) {
	a := &app{env: envOf(map[string]string{
		"AWS_ENDPOINT_URL_S3": "http://one:9000",
		"MC_HOST_one":         "http://k:secret12@ONE:9000",
		"MC_HOST_two":         "http://k:secret12@two:9000",
		"MC_HOST_aws":         "https://k:secret12@s3.amazonaws.com",
		"MC_HOST_eu":          "https://k:secret12@s3.eu-central-1.amazonaws.com",
	})}
	for _, c := range []struct {
		src, dst string
		ok       bool
	}{
		{"s3://b/", "mc:two/b/", true},
		{"s3://b/", "mc:two/b/new/", true},
		{"mc:two/b/", "s3://b/", true},
		{"mc:two/b/", "mc:aws/b/", true},
		{"s3://b/", "mc:one/b/new/", false},
		{"mc:two/b/", "mc:two/b/", false},
		{"mc:aws/b/", "mc:eu/b/new/", false},
		{"mc:aws/b/", "mc:eu/c/", true},
		{"mc:two/b/", "mc:nobody/b/", false},
	} {
		_, _, err := (&migrateCmd{Src: text(c.src), Dst: text(c.dst)}).addresses(a)
		if code := exitCode(t.Context(), err); c.ok != (err == nil) || !c.ok && code != exitUsage {
			t.Errorf("%s to %s: %v, want success %v", c.src, c.dst, err, c.ok)
		}
	}
}
