// Which workgroup and thread this is, counted along one line.
//
// One dimension of a dispatch holds 65,535 workgroups, so a longer line is folded over two: a few workgroups beyond its
// end may run, and every kernel compares the index with its count.

override threads: u32 = 256u;

// Index of the workgroup, from the built-ins workgroup_id and num_workgroups.
fn workgroup_index(id: vec3<u32>, count: vec3<u32>) -> u32 {
    return id.y * count.x + id.x;
}

// Index of the thread among all threads, from the same and local_invocation_index.
fn thread_index(id: vec3<u32>, count: vec3<u32>, local: u32) -> u32 {
    return workgroup_index(id, count) * threads + local;
}
