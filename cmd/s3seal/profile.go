// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"
)

// profileValue is what the files of AWS's tools say of a name in the profile that
// AWS_PROFILE names, or in the default one. The S3 client finds credentials there
// itself, but neither a region nor an endpoint. A file that cannot be read says
// nothing: whether one has to be there is for whoever looks for credentials.
func profileValue(env func(string) string, name string) string {
	profile := cmp.Or(env("AWS_PROFILE"), "default")
	value := sectionValue(awsFile(env, "AWS_SHARED_CREDENTIALS_FILE", "credentials"), profile, name)
	if value != "" {
		return value
	}
	section := profile
	if profile != "default" {
		section = "profile " + profile
	}
	return sectionValue(awsFile(env, "AWS_CONFIG_FILE", "config"), section, name)
}

// awsFile is the path of a file of AWS's tools, or empty without a home.
func awsFile(env func(string) string, variable, name string) string {
	home := cmp.Or(env("HOME"), env("USERPROFILE"))
	if path := env(variable); path != "" || home == "" {
		return path
	}
	return filepath.Join(home, ".aws", name)
}

// sectionValue finds name = value in a section of an INI file. Lines that are
// indented belong to another name, and comments begin lines or follow a space.
func sectionValue(path, section, name string) string {
	if path == "" {
		return ""
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	inside := false
	for line := range strings.Lines(string(data)) {
		line = strings.TrimRight(line, " \t\r\n")
		if head, ok := strings.CutPrefix(line, "["); ok {
			head, _, _ = strings.Cut(head, "]")
			inside = strings.Join(strings.Fields(head), " ") == section
			continue
		}
		own, value, ok := strings.Cut(line, "=")
		if !inside || !ok || strings.TrimRight(own, " \t") != name {
			continue
		}
		for _, mark := range []string{" #", " ;"} {
			value, _, _ = strings.Cut(value, mark)
		}
		return strings.TrimSpace(value)
	}
	return ""
}
