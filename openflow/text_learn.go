package openflow

import "fmt"

// defaultPriority is the priority that ovs-ofctl leaves out of a learn action.
const defaultPriority = 32768

// appendLearn appends a learn action whose body starts after the subtype; false if it has
// parts that Actions.Learn does not write.
func appendLearn(b, p []byte) ([]byte, bool) {
	r := reader{b: p}
	idle, hard, priority := r.u16("idle_timeout"), r.u16("hard_timeout"), r.u16("priority")
	cookie, flags, table := r.u64("cookie"), r.u16("flags"), r.u8("table_id")
	r.skip(1, "padding")
	fin, limit, result := r.u32("fin timeouts"), r.u32("limit"), r.u32("result")
	if r.err != nil || fin != 0 || result != 0 || flags&^learnDelete != 0 {
		return b, false
	}
	b = fmt.Appendf(b, "learn(table=%d", table)
	if idle != 0 {
		b = fmt.Appendf(b, ",idle_timeout=%d", idle)
	}
	if hard != 0 {
		b = fmt.Appendf(b, ",hard_timeout=%d", hard)
	}
	if priority != defaultPriority {
		b = fmt.Appendf(b, ",priority=%d", priority)
	}
	if flags&learnDelete != 0 {
		b = append(b, ",delete_learned"...)
	}
	if cookie != 0 {
		b = fmt.Appendf(b, ",cookie=0x%x", cookie)
	}
	if limit != 0 {
		b = fmt.Appendf(b, ",limit=%d", limit)
	}
	for len(r.b) >= 2 {
		head := r.u16("spec")
		if head == 0 {
			break // padding
		}
		var ok bool
		if b, ok = appendLearnSpec(append(b, ','), &r, head); !ok {
			return b, false
		}
	}
	return append(b, ')'), r.err == nil
}

// appendLearnSpec appends what a learned flow matches or sets, which follows head.
func appendLearnSpec(b []byte, r *reader, head uint16) ([]byte, bool) {
	n := int(head & learnBits)
	if head&learnImmediate != 0 {
		value := r.take((n+15)/16*2, "value")
		dst, off := Field(r.u32("dst")), r.u16("dst_ofs")
		info := fieldsByHeader[dst]
		if r.err != nil || info == nil || off != 0 || n != info.bits || head != learnImmediate|uint16(n) {
			return b, false
		}
		return info.appendValue(append(append(b, info.name...), '='), value[len(value)-(n+7)/8:], nil), true
	}
	src, from := Field(r.u32("src")), r.u16("src_ofs")
	dst, to := Field(r.u32("dst")), r.u16("dst_ofs")
	switch {
	case r.err != nil || src != dst || from != to || head&^(learnBits|learnLoad) != 0:
		return b, false
	case head&learnLoad != 0:
		b = appendSubfield(append(b, "load:"...), src, int(from), n)
		return appendSubfield(append(b, "->"...), dst, int(to), n), true
	}
	return appendSubfield(b, dst, int(to), n), true
}
