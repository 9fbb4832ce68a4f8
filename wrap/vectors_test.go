// SPDX-License-Identifier: Apache-2.0

package wrap_test

type wycheproofTest struct {
	ID     int `json:"tcId"`
	Key    string
	Msg    string
	CT     string
	Label  string
	Result string
}

type wycheproofGroup struct {
	PrivateKeyPKCS8 string `json:"privateKeyPkcs8"`
	Tests           []wycheproofTest
}
