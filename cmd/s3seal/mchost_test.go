// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/s3seal/s3seal/backend/s3/s3test"
)

func TestMCHost(t *testing.T) {
	v4 := credentials.SignatureV4
	for _, c := range []struct {
		value string
		want  endpoint
		creds credentials.Value
	}{
		{"https://AKID:secret@s3.example.com", endpoint{"s3.example.com", true}, credentials.Value{AccessKeyID: "AKID", SecretAccessKey: "secret", SignerType: v4}},
		{"http://a:s/e+c=r%40t@127.0.0.1:9000/", endpoint{"127.0.0.1:9000", false}, credentials.Value{AccessKeyID: "a", SecretAccessKey: "s/e+c=r%40t", SignerType: v4}},
		{"http://a:p@ss:to:ken@[::1]:9000", endpoint{"[::1]:9000", false}, credentials.Value{AccessKeyID: "a", SecretAccessKey: "p@ss", SessionToken: "to:ken", SignerType: v4}},
		{"https://play.example.com", endpoint{"play.example.com", true}, credentials.Value{SignerType: credentials.SignatureAnonymous}},
	} {
		got, creds, err := storageFlags{}.server(envOf(map[string]string{"MC_HOST_play": c.value}), address{alias: "play"})
		if err != nil || got != c.want {
			t.Errorf("%s: server = %+v, %v; want %+v", c.value, got, err, c.want)
			continue
		}
		if v, err := creds.GetWithContext(nil); err != nil || v != c.creds {
			t.Errorf("%s: credentials = %+v, %v; want %+v", c.value, v, err, c.creds)
		}
	}
}

func TestMCHostRefuses(t *testing.T) {
	for _, value := range []string{
		"", "play.example.com", "AKID:hunter2@play.example.com", "ftp://AKID:hunter2@host", "https://AKID:hunter2@",
		"https://AKID@host", "https://:hunter2@host", "https://AKID:hunter2@host/bucket", "https://AKID:hunter2@ho st",
		"/home/hunter2/mc.json", "hunter2", "hunter2://AKID@host", "https://host/hunter2", "AKID:hunter2@http://host",
		"https://AKID:hunter2@host?hunter2", "https://AKID:hunter2@host:hunter2", "hunter2://", "://hunter2",
	} {
		_, _, err := storageFlags{}.server(envOf(map[string]string{"MC_HOST_x": value}), address{alias: "x"})
		var usage *usageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), "MC_HOST_x") || !strings.Contains(err.Error(), "want http(s)://ACCESSKEY:SECRETKEY@HOST[:PORT]") {
			t.Errorf("%s: %v, want a usage error that names the variable and the form", value, err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error repeats the secret: %v", err)
		}
	}
	cli(t, nil, "stat", "--endpoint", "http://127.0.0.1:1", "mc:x/b/k").want(t, exitUsage, "--endpoint", "MC_HOST_x")
	cli(t, nil, "stat", "mc:unheard/b/k").want(t, exitUsage, "MC_HOST_unheard is not set")
	for _, at := range []string{"mc:", "mc:x", "mc:x/b", "mc:/b/k", "mc:1x/b/k", "mc:a.b/b/k", "mc:a$b/b/k"} {
		cli(t, nil, "stat", at).want(t, exitUsage, at)
	}
}

// TestMCHostServer: all commands find the server of an alias.
func TestMCHostServer(t *testing.T) {
	srv := s3test.MinIO(t)
	ks := newKeySet(t)
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "MINIO_ROOT_USER", "MINIO_ACCESS_KEY"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
	scheme, host, _ := strings.Cut(srv.URL(), "://")
	t.Setenv("MC_HOST_here", scheme+"://"+srv.AccessKey+":"+srv.SecretKey+"@"+host)
	bucket := "mc:here/" + srv.NewBucket(t)
	cli(t, bytes.NewReader(pattern(100)), "put", "-k", ks.aes, "-", bucket+"/x").want(t, exitOK)
	if r := cli(t, nil, "cat", "-k", ks.aes, bucket+"/x").want(t, exitOK); r.out != string(pattern(100)) {
		t.Errorf("cat = %.20q, want what was put", r.out)
	}
	if r := cli(t, nil, "ls", bucket).want(t, exitOK); r.out != "x\n" {
		t.Errorf("ls = %q, want x", r.out)
	}
	cli(t, nil, "rm", bucket+"/x").want(t, exitOK)
	cli(t, nil, "stat", bucket+"/x").want(t, exitNotFound, bucket+"/x: not found")
}

// TestProfile: region, endpoint and credentials of the profile that AWS_PROFILE
// names.
func TestProfile(t *testing.T) {
	dir := t.TempDir()
	config := writeFile(t, dir, "config", []byte("# all\n[default]\nregion = a-1\ns3 =\n  region = nested\n[profile  b]\r\nregion=b-1 # of B\r\nendpoint_url = http://127.0.0.1:9\r\n"))
	shared := writeFile(t, dir, "credentials", []byte("[default]\naws_access_key_id=A\naws_secret_access_key=S\n[b]\naws_access_key_id = B\naws_secret_access_key = T\n[c]\nregion = c-1\n"))
	for _, c := range []struct {
		profile, region string
		server          endpoint
	}{
		{"", "a-1", endpoint{awsEndpoint, true}},
		{"b", "b-1", endpoint{"127.0.0.1:9", false}},
		{"c", "c-1", endpoint{awsEndpoint, true}},
		{"none", defaultRegion, endpoint{awsEndpoint, true}},
	} {
		env := envOf(map[string]string{"AWS_PROFILE": c.profile, "AWS_CONFIG_FILE": config, "AWS_SHARED_CREDENTIALS_FILE": shared})
		if got := (storageFlags{}).region(env); got != c.region {
			t.Errorf("profile %q: region %q, want %q", c.profile, got, c.region)
		}
		if got, err := (storageFlags{}).endpoint(env); err != nil || got != c.server {
			t.Errorf("profile %q: endpoint %+v, %v; want %+v", c.profile, got, err, c.server)
		}
	}
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY"} {
		t.Setenv(name, "")
		os.Unsetenv(name) // what counts is whether they are there
	}
	t.Setenv("AWS_CONFIG_FILE", config)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", shared)
	for profile, id := range map[string]string{"": "A", "b": "B"} {
		t.Setenv("AWS_PROFILE", profile)
		if v, err := credentialChain().GetWithContext(nil); err != nil || v.AccessKeyID != id {
			t.Errorf("profile %q: access key %q, %v; want %q", profile, v.AccessKeyID, err, id)
		}
	}
}

// TestProfileHome: without variables the files are those in the home folder.
func TestProfileHome(t *testing.T) {
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, ".aws"), 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(home, ".aws"), "config", []byte("[default]\nregion = home-1\n"))
	if got := (storageFlags{}).region(envOf(map[string]string{"HOME": home})); got != "home-1" {
		t.Errorf("region = %q, want that of the file", got)
	}
}

// TestProfileProblem: who names a profile is told why it gives no credentials.
func TestProfileProblem(t *testing.T) {
	closed := closedServer(t)
	noCredentials(t)
	t.Setenv("AWS_CONFIG_FILE", writeFile(t, t.TempDir(), "config", []byte("[profile half]\naws_access_key_id = A\n"+
		"[profile sso]\nsso_session = s\nsso_account_id = 1\nsso_role_name = r\n[sso-session s]\nsso_region = us-east-1\nsso_start_url = https://s.example.com\n")))
	for profile, want := range map[string]string{
		"":     "requests are anonymous\n",
		"none": "requests are anonymous (the AWS profile none: ",
		"half": "(the AWS profile half: it has partial static credentials",
		"sso":  "`aws sso login`",
	} {
		t.Setenv("AWS_PROFILE", profile)
		r := cli(t, nil, "stat", "--endpoint", closed, "s3://bucket/x")
		if first, _, _ := strings.Cut(r.err, "\ns3seal: s3://"); r.code != exitFailure || !strings.Contains(first+"\n", want) {
			t.Errorf("profile %q: %d, %q, want %q", profile, r.code, r.err, want)
		}
	}
}
