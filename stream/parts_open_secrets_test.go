// SPDX-License-Identifier: Apache-2.0

package stream

import "testing"

// TestUnverifiedPartsCleared looks at what is left after Wipe, and after a Verify
// that failed.
func TestUnverifiedPartsCleared(t *testing.T) {
	for name, end := range map[string]func(p *GCMUnverifiedParts){
		"Wipe":   func(p *GCMUnverifiedParts) { p.Wipe() },
		"Verify": func(p *GCMUnverifiedParts) { _ = p.Verify(nil) },
	} {
		p, err := NewGCMUnverifiedParts(zeroBlock[:], zeroBlock[:GCMIVSize], []byte("aad"), 32)
		if err != nil {
			t.Fatal(err)
		}
		for off := range int64(2) {
			if _, err := p.Decrypt(nil, []byte("sixteen bytes of"), off*BlockSize); err != nil {
				t.Fatal(err)
			}
		}
		list := p.plan.parts
		if p.gcm.hash == (ghash{}) || p.mask == (element{}) || len(list) != 2 || list[0].sum == zeroBlock {
			t.Fatal("nothing to clear: this test looks at the wrong place")
		}
		end(p)
		if p.gcm.hash != (ghash{}) || p.gcm.block != nil || p.gcm.aead != nil || p.mask != (element{}) {
			t.Errorf("%s: keys left behind", name)
		}
		if p.plan.parts != nil || list[0] != (partState{}) || list[1] != (partState{}) {
			t.Errorf("%s: parts left behind", name)
		}
	}
}
