// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strings"

	"github.com/minio/minio-go/v7/pkg/credentials"
)

// accessKeys are the credentials for a server, with what there is to say of where they
// come from. To look once more in order to say it could ask a portal or run a
// program again.
type accessKeys struct {
	*credentials.Credentials
	places []*credentialPlace // in order; none if there is nowhere else to look
}

// A credentialPlace remembers what was found in one of the places.
type credentialPlace struct {
	credentials.Provider
	name  string
	found bool
	err   error
}

// RetrieveWithCredContext implements credentials.Provider.
func (p *credentialPlace) RetrieveWithCredContext(cc *credentials.CredContext) (credentials.Value, error) {
	v, err := p.Provider.RetrieveWithCredContext(cc)
	p.found, p.err = err == nil && (v.AccessKeyID != "" || v.SecretAccessKey != ""), err
	return v, err
}

// profilePlace is the name of the place that is the AWS profile.
const profilePlace = "the AWS profile "

// credentialChain looks where AWS's and MinIO's own tools look: their
// variables, then their files. If there are none, requests are anonymous.
func credentialChain() *accessKeys {
	places := []*credentialPlace{
		{Provider: &credentials.EnvAWS{}, name: "AWS_ACCESS_KEY_ID"},
		{Provider: &credentials.FileAWSCredentials{}, name: profilePlace},
		{Provider: &credentials.EnvMinio{}, name: "MINIO_ROOT_USER or MINIO_ACCESS_KEY"},
		{Provider: &credentials.FileMinioClient{}, name: "the files of mc"},
	}
	providers := make([]credentials.Provider, len(places))
	for i, place := range places {
		providers[i] = place
	}
	return &accessKeys{credentials.NewChainCredentials(providers), places}
}

// anonymous is who has no credentials.
func anonymous() *credentials.Credentials {
	return credentials.NewStatic("", "", "", credentials.SignatureAnonymous)
}

// origin is where the credentials were found, after they were.
func (k *accessKeys) origin(env func(string) string, at address) string {
	if at.alias != "" {
		return mcHostVar + at.alias
	}
	for _, place := range k.places {
		if place.found && place.name == profilePlace {
			return profilePlace + profileName(env)
		}
		if place.found {
			return place.name
		}
	}
	return "an unknown place"
}

// problem says why the AWS profile gave no credentials, if there was reason to
// expect some: the chain takes whatever is wrong with it for nothing there, such
// as a misspelt name or an SSO session that is over.
func (k *accessKeys) problem(env func(string) string) string {
	for _, place := range k.places {
		if place.name != profilePlace || place.err == nil {
			continue
		}
		cause, missing := profileCause(place.err)
		if missing && env("AWS_PROFILE") == "" {
			return ""
		}
		return fmt.Sprintf(" (%s%s: %s)", profilePlace, profileName(env), cause)
	}
	return ""
}

func profileName(env func(string) string) string { return cmp.Or(env("AWS_PROFILE"), "default") }

// profileCause says in own words why there are no credentials in the AWS profile,
// and whether that is because there is none. Nothing of err is repeated: that of
// a file that cannot be parsed quotes the line, which may be the secret key, and
// that of a program or a portal whatever it has said.
func profileCause(err error) (cause string, missing bool) {
	text := err.Error()
	begins := func(start string) bool { return strings.HasPrefix(text, start) }
	switch {
	case begins("reading cached SSO token"), begins("cached SSO token is expired"):
		return "its SSO session is over, or was not begun: try `aws sso login`", false
	case begins("fetching SSO role credentials"):
		return "the SSO portal gives no credentials: is it reached, and is the session not over (`aws sso login`)?", false
	case begins("profile has SSO configuration but"), begins("profile defines sso_role_name but"):
		return "its SSO configuration is not complete", false
	case begins("profile has partial static credentials"):
		return "it has partial static credentials: want both aws_access_key_id and aws_secret_access_key", false
	case begins("invalid credential process args"):
		return "its credential_process has no argument: want a program and at least one", false
	case begins("section ") && strings.HasSuffix(text, " does not exist"):
		return "it does not exist", true
	}
	if cause := processCause(err); cause != "" {
		return cause, false
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "it does not exist, nor do the files for profiles", true
	case errors.Is(err, fs.ErrPermission):
		return "cannot be read: permission denied", false
	}
	return "cannot be read", false
}

// processCause is profileCause for what a program was to say.
func processCause(err error) string {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return "its credential_process failed: " + exit.ProcessState.String()
	}
	_, unfound := errors.AsType[*exec.Error](err)
	path, _ := errors.AsType[*fs.PathError](err)
	if unfound || path != nil && path.Op == "fork/exec" {
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, exec.ErrNotFound):
			return "its credential_process cannot be run: there is no such program"
		case errors.Is(err, fs.ErrPermission):
			return "its credential_process cannot be run: permission denied"
		}
		return "its credential_process cannot be run"
	}
	_, syntax := errors.AsType[*json.SyntaxError](err)
	_, other := errors.AsType[*json.UnmarshalTypeError](err)
	if syntax || other {
		return "its credential_process wrote something else than credentials in JSON"
	}
	return ""
}
