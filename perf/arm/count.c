/* Plugin of QEMU's user-mode emulator: how often each block of instructions runs, in parts of a program that the program marks.
 *
 *   qemu-aarch64 -plugin count.so,mark=OFFSET,code=OFFSET,out=FILE PROGRAM …
 *
 * mark: where the function begins whose calls bound the parts; from an odd call to the next blocks are counted. code: where the first
 * executable segment begins. Both as in the program's file. FILE gets, for each part, a line "part" and for each block that ran a line
 * "OFFSET INSTRUCTIONS TIMES": where it begins in the program's file (other libraries lie far outside of it), its length, and how often it ran.
 *
 * Distributions do not package qemu-plugin.h, so the few functions are declared here. They are the same from QEMU 6 to 10; only the number of
 * the interface differs: 1 before QEMU 9, then 2 (-DINTERFACE=2). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef INTERFACE
#define INTERFACE 1
#endif

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
enum registers { NO_REGISTERS };

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, void (*)(plugin_id, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *, void (*)(unsigned, void *), enum registers, void *);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *);
uint64_t qemu_plugin_start_code(void);
void qemu_plugin_register_atexit_cb(plugin_id, void (*)(plugin_id, void *), void *);

__attribute__((visibility("default"))) int qemu_plugin_version = INTERFACE;

struct block {
    uint64_t start, length, times;
    struct block *next;
};

enum { LISTS = 1 << 16 };
static struct block *lists[LISTS];
static uint64_t mark, code, base; /* base: where the program's file lies in memory */
static unsigned counting, counter; /* only the thread that marks is counted */
static FILE *out;

static void count(unsigned thread, void *block)
{
    if (counting && thread == counter) ((struct block *)block)->times++;
}

static void bound(unsigned thread, void *unused)
{
    (void)unused;
    counting = !counting;
    counter = thread;
    if (counting) return;
    fprintf(out, "part\n");
    for (unsigned i = 0; i < LISTS; i++) {
        for (struct block *b = lists[i]; b; b = b->next) {
            if (b->times) fprintf(out, "%" PRIx64 " %" PRIu64 " %" PRIu64 "\n", b->start - base, b->length, b->times);
            b->times = 0;
        }
    }
}

static struct block *find(uint64_t start, uint64_t length)
{
    struct block **list = &lists[(start >> 2 ^ length * 31) % LISTS], *b;
    for (b = *list; b; b = b->next) {
        if (b->start == start && b->length == length) return b;
    }

    b = calloc(1, sizeof *b);
    if (!b) abort();
    *b = (struct block){ start, length, 0, *list };
    return *list = b;
}

static void translated(plugin_id id, struct qemu_plugin_tb *tb)
{
    (void)id;
    uint64_t start = qemu_plugin_tb_vaddr(tb);
    if (!base) base = qemu_plugin_start_code() - code;
    if (start == base + mark) qemu_plugin_register_vcpu_tb_exec_cb(tb, bound, NO_REGISTERS, NULL);
    else qemu_plugin_register_vcpu_tb_exec_cb(tb, count, NO_REGISTERS, find(start, qemu_plugin_tb_n_insns(tb)));
}

static void end(plugin_id id, void *unused)
{
    (void)id, (void)unused;
    fclose(out);
}

__attribute__((visibility("default"))) int qemu_plugin_install(plugin_id id, const void *information, int argc, char **argv)
{
    (void)information;
    for (int i = 0; i < argc; i++) {
        if (!strncmp(argv[i], "mark=", 5)) mark = strtoull(argv[i] + 5, NULL, 16);
        if (!strncmp(argv[i], "code=", 5)) code = strtoull(argv[i] + 5, NULL, 16);
        if (!strncmp(argv[i], "out=", 4)) out = fopen(argv[i] + 4, "w");
    }

    if (!out || !mark) return 1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, end, NULL);
    return 0;
}
