# Made the files beside it: Debian 12's python3-h5py (h5py 3.7.0, HDF5 1.10.8). Every float is ((37 i) mod 101 - 50) / 16, i counting row by row.
import h5py, numpy as np

def values(*shape):
    n = int(np.prod(shape))
    return ((np.arange(n) * 37 % 101 - 50) / 16).reshape(shape)

def fill(f, groups):
    f.attrs['model_config'] = '{"class_name": "Sequential"}'
    f.attrs['keras_version'] = b'2.15.0'
    f.attrs['fixed'] = np.bytes_('fixed text')
    f.attrs['umlaut'] = 'für'
    f.attrs['numbers'] = np.arange(3)
    g = f.create_group('model_weights/dense/dense')
    g.create_dataset('kernel:0', data=values(5, 7).astype('f4'))
    g.create_dataset('half', data=values(3, 2).astype('f2'))
    g.create_dataset('double', data=values(4).astype('f8'))
    g.create_dataset('big', data=values(4).astype('>f4'))
    g.create_dataset('scalar', data=np.float32(values(1)[0]))
    g.create_dataset('empty', data=np.zeros((0, 3), 'f4'))
    g.create_dataset('packed', data=values(37, 23).astype('f4'), chunks=(10, 8), compression='gzip', shuffle=True, fletcher32=True)
    g.create_dataset('chunks', data=values(5, 6, 7).astype('f4'), chunks=(2, 4, 3))
    g.create_dataset('one_chunk', data=values(4, 4).astype('f4'), chunks=(4, 4), compression='gzip')
    g.create_dataset('integers', data=np.arange(4))
    g['soft'] = h5py.SoftLink('/model_weights/dense/dense/kernel:0')
    g['hard'] = g['double']
    how = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    how.set_layout(h5py.h5d.COMPACT)
    compact = h5py.h5d.create(g.id, b'compact', h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((2, 2)), how)
    compact.write(h5py.h5s.ALL, h5py.h5s.ALL, values(2, 2).astype('f4'))
    for i in range(groups):
        f.create_group(f'many/layer_{i:02}').create_dataset('w', data=values(i + 1).astype('f4'))
    f.create_group('optimizer_weights').create_dataset('x', data=values(3).astype('f4'))

for name, versions in [('earliest', ('earliest', 'v108')), ('v108', ('v108', 'v108')), ('latest', 'latest')]:
    with h5py.File(f'{name}.h5', 'w', libver=versions) as f:
        fill(f, 12)
with h5py.File('userblock.h5', 'w', userblock_size=1024) as f:
    fill(f, 12)
with h5py.File('dense.h5', 'w', libver='latest', track_order=True) as f:
    fill(f, 60)
    f.create_dataset('paged', data=values(1100).astype('f4'), chunks=(1,))
    f.attrs['long'] = np.bytes_('0123456789' * 500)
    for i in range(20):
        f.attrs[f'attribute_{i}'] = f'text {i}'

# What is refused: links out of the file or round in a circle, data elsewhere or put together from others.
with h5py.File('external-link.h5', 'w') as f:
    f['elsewhere'] = h5py.ExternalLink('earliest.h5', '/model_weights')
with h5py.File('external-data.h5', 'w') as f:
    f.create_dataset('x', (4,), 'f4', external=[('elsewhere.bin', 0, 16)])
with h5py.File('circle.h5', 'w') as f:
    f['a'] = h5py.SoftLink('/b/c')
    f['b'] = h5py.SoftLink('/a')
with h5py.File('itself.h5', 'w') as f:
    f.create_group('a')['b'] = f['/']
with h5py.File('virtual.h5', 'w', libver='latest') as f:
    layout = h5py.VirtualLayout((4,), 'f4')
    layout[:] = h5py.VirtualSource('earliest.h5', 'model_weights/dense/dense/double', (4,))
    f.create_virtual_dataset('x', layout)
with h5py.File('lzf.h5', 'w') as f:
    f.create_dataset('x', data=values(64).astype('f4'), compression='lzf')
with h5py.File('integers.h5', 'w') as f:
    for kind in ('i1', 'u1', '<i2', '>i2', '<u2', '>u2', '<i4', '>i4', '<u4', '>u4', '<i8', '>i8', '<u8', '>u8'):
        limits = np.iinfo(kind)
        f.create_dataset(kind, data=np.array([[limits.min, limits.max // 3], [1, limits.max if kind[-2:] != 'u8' else 7]]).astype(kind))

# Forms of HDF5 in which weights seldom come: shapes that may grow, chunks that were never written, types with names, short addresses.
with h5py.File('growing.h5', 'w', libver='latest') as f:
    f.create_dataset('first', data=values(2000).astype('f4'), maxshape=(None,), chunks=(1,))
    f.create_dataset('first_packed', data=values(50, 20).astype('f4'), maxshape=(None, 20), chunks=(7, 6), compression='gzip', shuffle=True)
    f.create_dataset('middle', data=values(6, 7, 8).astype('f4'), maxshape=(10, None, 11), chunks=(2, 3, 3))
    f.create_dataset('both', data=values(50, 20).astype('f4'), maxshape=(None, None), chunks=(7, 6))
    f.create_dataset('both_packed', data=values(50, 20).astype('f4'), maxshape=(None, None), chunks=(2, 2), compression='gzip')
    f.create_dataset('to_a_size', data=values(6, 7, 8).astype('f4'), maxshape=(10, 12, 11), chunks=(2, 3, 3))
    how = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    how.set_chunk((2, 2))
    how.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    h5py.Dataset(h5py.h5d.create(f.id, b'early', h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((5, 7), (9, 11)), how))[:] = values(5, 7)
with h5py.File('growing-earliest.h5', 'w') as f:
    f.create_dataset('both', data=values(50, 20).astype('f4'), maxshape=(None, None), chunks=(7, 6))
for name, version in [('unwritten', 'earliest'), ('unwritten-latest', 'latest')]:
    with h5py.File(f'{name}.h5', 'w', libver=version) as f:
        f.create_dataset('zeros', (4,), 'f4')
        f.create_dataset('filled', (4,), '>f8', fillvalue=2.5)
        f.create_dataset('chunks', (40, 50), 'f4', chunks=(4, 9), compression='gzip', fillvalue=-1)[5:9, 3] = 1
        f.create_dataset('pages', (9000,), 'f4', chunks=(1,), fillvalue=3)[4000] = 1
        f.create_dataset('growing', (140000,), 'f4', chunks=(1,), maxshape=(None,), fillvalue=3)[139998:] = 1
        f.create_dataset('growing_both', (40, 40), 'f4', chunks=(4, 4), maxshape=(None, None), fillvalue=3)[5:9, 2] = 1
for name, version in [('named', 'earliest'), ('named-latest', 'latest')]:
    with h5py.File(f'{name}.h5', 'w', libver=version) as f:
        f['type'] = np.dtype('>f8')
        f.create_dataset('x', data=values(4), dtype=f['type'])
        f['nowhere'] = h5py.SoftLink('/not/there')
sizes = h5py.h5p.create(h5py.h5p.FILE_CREATE)
sizes.set_sizes(4, 4)
with h5py.File(h5py.h5f.create(b'short.h5', h5py.h5f.ACC_TRUNC, fcpl=sizes)) as f:
    f.attrs['model_config'] = 'text of any length'
    f.create_dataset('x', data=values(5, 7).astype('f4'))
