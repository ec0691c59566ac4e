package engine

import (
	"fmt"

	"bellows.dev/bellows/hosting"
)

// identities hands out identifiers: the same seed gives the same ones in the same order. (Source: Steele, Lea and Flood, "Fast
// splittable pseudorandom number generators", 2014: SplitMix64.)
type identities struct{ state uint64 }

func (s *identities) next() uint64 {
	s.state += 0x9e3779b97f4a7c15
	z := s.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// uuid has the form of a random UUID: version 4, variant 1.
func (s *identities) uuid() string {
	hi, lo := s.next()&^0xf000|0x4000, s.next()&^(3<<62)|1<<63
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", hi>>32, hi>>16&0xffff, hi&0xffff, lo>>48, lo&(1<<48-1))
}

func (s *identities) instance() hosting.InstanceID {
	return hosting.InstanceID(fmt.Sprintf("i-0%016x", s.next()))
}
