// A driver of CUDA without a GPU, for tests of what asks it: memory is the computer's, kernels are functions of a
// library whose path stands for their machine code. What is asked of a stream is done when the stream is waited for,
// so that whoever forgets to wait reads what was there before.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

typedef unsigned long long Address;
enum { DONE = 0, WRONG_VALUE = 1, NO_MEMORY = 2, NO_CONTEXT = 201, WRONG_HANDLE = 400, NOT_FOUND = 500 };
struct Stream { std::vector<std::function<void()>> asked; };
struct Function { void (*run)(int, int, int, void **); const int *sizes; };
static int context;
static thread_local void *current;
static std::mutex lock;
static std::set<Stream *> streams;
static std::map<Address, size_t> memory;
static size_t held, most = (size_t)1 << 40;

#define CALL extern "C" __attribute__((visibility("default"))) int
#define NEEDS_CONTEXT if (current != &context) return NO_CONTEXT
#define NEEDS_STREAM NEEDS_CONTEXT; std::lock_guard<std::mutex> guard(lock); if (!streams.count(s)) return WRONG_HANDLE

static bool is_inside(Address at, size_t size) {
    auto found = memory.upper_bound(at);
    return found != memory.begin() && (--found, at + size <= found->first + found->second);
}

CALL cuGetProcAddress_v2(const char *name, void **found, int, unsigned long long, int *status) {
    *found = dlsym(RTLD_DEFAULT, name);
    if (status) *status = *found ? 0 : 1;
    return *found ? DONE : NOT_FOUND;
}
CALL cuInit(unsigned) {
    if (const char *limit = getenv("STUB_BYTES")) most = strtoull(limit, nullptr, 10);
    return DONE;
}
CALL cuDriverGetVersion(int *version) { *version = 13000; return DONE; }
CALL cuDeviceGet(int *gpu, int number) { *gpu = 0; return number == 0 ? DONE : WRONG_VALUE; }
CALL cuDeviceGetAttribute(int *value, int attribute, int) {
    *value = attribute == 75 ? 9 : 0;  // of the compute capability 9.0
    return attribute == 75 || attribute == 76 ? DONE : WRONG_VALUE;
}
CALL cuDevicePrimaryCtxRetain(void **made, int) { *made = &context; return DONE; }
CALL cuCtxSetCurrent(void *given) { current = given; return DONE; }
CALL cuDeviceGetDefaultMemPool(void **pool, int) { *pool = &memory; return DONE; }
CALL cuMemPoolSetAttribute(void *pool, int attribute, void *value) {
    return pool == &memory && attribute == 4 && *(unsigned long long *)value ? DONE : WRONG_VALUE;
}
CALL cuStreamCreate(void **made, unsigned flags) {
    NEEDS_CONTEXT;
    std::lock_guard<std::mutex> guard(lock);
    *made = *streams.insert(new Stream).first;
    return flags == 1 ? DONE : WRONG_VALUE;
}
CALL cuStreamSynchronize(Stream *s) {
    NEEDS_STREAM;
    for (auto &asked : s->asked) asked();
    s->asked.clear();
    return DONE;
}
CALL cuMemAllocAsync(Address *made, size_t size, Stream *s) {
    NEEDS_STREAM;
    if (held + size > most) return NO_MEMORY;
    void *at = malloc(size);
    memset(at, 0xAB, size);
    memory[*made = (Address)at] = size;
    held += size;
    return DONE;
}
CALL cuMemFreeAsync(Address at, Stream *s) {
    NEEDS_STREAM;
    if (!memory.count(at)) return WRONG_VALUE;
    s->asked.push_back([=] { held -= memory[at]; memory.erase(at); free((void *)at); });
    return DONE;
}
CALL cuMemcpyHtoDAsync(Address to, const void *from, size_t size, Stream *s) {
    NEEDS_STREAM;
    if (!is_inside(to, size)) return WRONG_VALUE;
    s->asked.push_back([=] { memcpy((void *)to, from, size); });
    return DONE;
}
CALL cuMemcpyDtoHAsync(void *to, Address from, size_t size, Stream *s) {
    NEEDS_STREAM;
    if (!is_inside(from, size)) return WRONG_VALUE;
    s->asked.push_back([=] { memcpy(to, (void *)from, size); });
    return DONE;
}
CALL cuMemsetD8Async(Address to, unsigned char value, size_t size, Stream *s) {
    NEEDS_STREAM;
    if (!is_inside(to, size)) return WRONG_VALUE;
    s->asked.push_back([=] { memset((void *)to, value, size); });
    return DONE;
}
CALL cuMemAllocHost(void **made, size_t size) { NEEDS_CONTEXT; *made = malloc(size); return DONE; }
CALL cuModuleLoadData(void **made, const void *image) {
    NEEDS_CONTEXT;
    *made = dlopen((const char *)image, RTLD_NOW | RTLD_LOCAL);
    return *made ? DONE : WRONG_VALUE;
}
CALL cuModuleGetFunction(void **made, void *module, const char *name) {
    NEEDS_CONTEXT;
    const std::string entry = std::string("n0_") + name;
    auto run = (void (*)(int, int, int, void **))dlsym(module, entry.c_str());
    if (!run) return NOT_FOUND;
    *made = new Function{run, (const int *)dlsym(module, (entry + "_sizes").c_str())};
    return DONE;
}
CALL cuLaunchKernel(Function *f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                    unsigned shared, Stream *s, void **given, void **extra) {
    NEEDS_STREAM;
    if (!gx || !gy || !gz || bx * by * bz > 1024 || shared || extra) return WRONG_VALUE;
    std::vector<std::string> values;
    for (int i = 0; i < f->sizes[0]; i++) values.emplace_back((const char *)given[i], f->sizes[i + 1]);
    s->asked.push_back([=] {
        std::vector<void *> pointers;
        for (auto &value : values) pointers.push_back((void *)value.data());
        f->run(gx * bx, gy * by, gz * bz, pointers.data());
    });
    return DONE;
}
