# nn.h: the only build file. `make help` lists what it does.
CC = cc
CFLAGS = -O2
WARN = -Wall -Wextra -Wpedantic -Wshadow -Wconversion
BUILD = build
PYTHON = python3

# Chapter programs: chapters/NN_topic/main.c is build/NN_topic, any other x.c is build/NN_topic_x.
MAINS = $(wildcard chapters/[0-9]*/main.c)
OTHERS = $(filter-out $(MAINS) %/race.c %/small.c,$(wildcard chapters/[0-9]*/*.c))
PROGRAMS = $(MAINS:chapters/%/main.c=$(BUILD)/%) $(foreach f,$(OTHERS),$(BUILD)/$(subst /,_,$(f:chapters/%.c=%)))
SHARED = nn.h plots/plot.h chapters/program.h

# Test programs: each in float, in double and under the sanitizers; those that count on threads with
# OpenMP too.
TESTS = $(patsubst tests/test_%.c,%,$(wildcard tests/test_*.c))
TEST_FLAGS = -std=c99 $(WARN) -Itests
VARIANTS = float double openmp sanitized
FLAGS_float = -O2
FLAGS_double = -O1 -DNN_DOUBLE
FLAGS_openmp = -O2 -fopenmp
FLAGS_sanitized = -O1 -g1 -fsanitize=address,undefined -fno-sanitize-recover=undefined

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all tour help chapters chapters-run book test test-programs test-quick accept bench fuzz mnist digits \
    digit race small figures clean format learn grade selfcheck release-check release-fuzz release-platforms \
    release-kills release-threads release-valgrind release-branches

all: tour ## build and run the tour: a network learns Iris, another one digits

help: ## list the targets
	@sed -n 's/^\([a-z0-9%-]*\):.*## \(.*\)/\1\t\2/p' Makefile | \
	    awk -F'\t' '{ printf "  make %-14s %s\n", $$1, $$2 }'

tour: $(BUILD)/06_first_network $(BUILD)/10_mnist_mlp digits
	$(BUILD)/06_first_network
	$(BUILD)/10_mnist_mlp
	@echo; echo "Figures: plots/figures/06_first_network and plots/figures/10_mnist_mlp (svg, png)"
	@echo "Next: README.md, then the programs in chapters/ and 'make help'."

chapters: $(PROGRAMS) ## build all chapter programs

run-%: digits ## run a chapter's programs: make run-06
	@[ -n "$(filter $(BUILD)/$*_%,$(PROGRAMS))" ] || \
	    { echo "there is no program of a chapter $*; there are: $(sort $(notdir $(PROGRAMS)))"; exit 1; }
	@$(MAKE) --no-print-directory $(filter $(BUILD)/$*_%,$(PROGRAMS))
	@for p in $(filter $(BUILD)/$*_%,$(PROGRAMS)); do $$p || exit 1; done

mnist: ## fetch MNIST into datasets/mnist (MNIST_MIRROR= an URL or a folder)
	sh datasets/fetch_mnist.sh

digits: datasets/made/train-images-idx3-ubyte ## make handwritten-like digits in datasets/made

datasets/made/train-images-idx3-ubyte: datasets/digits.c
	@mkdir -p $(BUILD)
	$(CC) $(CFLAGS) -std=c99 $(WARN) datasets/digits.c -o $(BUILD)/digits -lm
	$(BUILD)/digits

# ---- chapter programs; those about speed with OpenMP, where the compiler has it
OPENMP = $(shell echo 'int main(void) { return 0; }' | $(CC) -fopenmp -x c - -o /dev/null 2>/dev/null && echo -fopenmp)
define PROGRAM
$(BUILD)/$(1): $(2) $(wildcard $(dir $(2))*.h) $(SHARED)
	@mkdir -p $(BUILD)
	$(CC) $(CFLAGS) -std=c99 $(WARN) $(if $(findstring 18_,$(1)),$$(OPENMP)) $(2) -o $$@ -lm
endef
$(foreach f,$(MAINS),$(eval $(call PROGRAM,$(f:chapters/%/main.c=%),$(f))))
$(foreach f,$(OTHERS),$(eval $(call PROGRAM,$(subst /,_,$(f:chapters/%.c=%)),$(f))))

# ---- tests
define VARIANT
$(BUILD)/test_%_$(1): tests/test_%.c nn.h tests/check.h $(wildcard tests/reference/*.h)
	@mkdir -p $(BUILD)
	$(CC) $(TEST_FLAGS) $(FLAGS_$(1)) $$< -o $$@ -lcmocka -lm
endef
$(foreach v,$(VARIANTS),$(eval $(call VARIANT,$(v))))
$(VARIANTS:%=$(BUILD)/test_handwriting_%): $(wildcard chapters/12_own_handwriting/*) $(SHARED)
$(VARIANTS:%=$(BUILD)/test_plot_%): plots/plot.h plots/demo.c

THREADED = $(foreach t,matmul train conv images,$(if $(wildcard tests/test_$(t).c),$(BUILD)/test_$(t)_openmp))
TEST_PROGRAMS = $(foreach v,float double sanitized,$(TESTS:%=$(BUILD)/test_%_$(v))) $(THREADED)
# Every code path that this machine has; one that it lacks falls back to the fastest and says so.
PATH_TESTS = $(foreach c,scalar sse2 avx2,"env NN_CPU=$(c) $(BUILD)/test_kernels_float" \
    "env NN_CPU=$(c) $(BUILD)/test_matmul_float")

test: ## build and run all tests
	@$(MAKE) --no-print-directory -j2 test-programs
	@sh tests/run.sh $(TEST_PROGRAMS) $(PATH_TESTS) "sh tests/test_portability.sh --quick" \
	    "sh tests/test_datasets.sh" "sh tests/test_learn.sh" "sh tests/test_programs.sh $(PROGRAMS)" \
	    "env BUILD=$(BUILD) sh tests/test_pages.sh"

test-programs: $(TEST_PROGRAMS) chapters digits

test-quick: $(TESTS:%=$(BUILD)/test_%_float) | digits ## run the tests in float only
	@sh tests/run.sh $^

accept: $(BUILD)/accept ## measure what needs real training (prints ACCEPT lines)
	$(BUILD)/accept

$(BUILD)/accept: tests/accept.c nn.h
	@mkdir -p $(BUILD)
	$(CC) $(CFLAGS) -std=c11 $(WARN) $(OPENMP) $< -o $@ -lm

# Builds a side of the speed comparison. A library that can be linked is compiled in: header, name, flag.
BENCH_CC = $(CC) $(CFLAGS) $(WARN) $(if $(filter-out 1,$(THREADS)),-fopenmp)
with = $(shell mkdir -p $(BUILD); printf '\043include <$(1)>\nint main(void) { return 0; }\n' | \
    $(CC) -x c - -o $(BUILD)/with -l$(2) 2>/dev/null && echo -D$(3) -l$(2))

bench: ## compare the speed with other libraries (ROUNDS=5 THREADS=1 WORKS="mlp64 iris")
	@mkdir -p $(BUILD)
	$(BENCH_CC) tests/bench.c -o $(BUILD)/bench -lm
	$(BENCH_CC) tests/bench_matmul.c -o $(BUILD)/bench_matmul \
	    $(call with,cblas.h,openblas,BENCH_OPENBLAS) $(call with,dnnl.h,dnnl,BENCH_ONEDNN) -lm
	@THREADS="$(THREADS)" ROUNDS="$(ROUNDS)" WORKS="$(WORKS)" OMP_NUM_THREADS=$(or $(THREADS),1) \
	    OPENBLAS_NUM_THREADS=$(or $(THREADS),1) $(PYTHON) tests/bench.py

# Each target runs with the corpus that it found before, in build/fuzz.
FUZZERS = safetensors graph npy csv idx image
SECONDS = 10
fuzz: ## run the fuzzers of all readers with clang (SECONDS=10 for each; FUZZERS="image npy")
	@mkdir -p $(addprefix $(BUILD)/fuzz/,safetensors graph npy csv idx image)
	$(CC) -DFUZZ_SEEDS -I. tests/fuzz/fuzz.c -o $(BUILD)/fuzz/make_seeds -lm
	$(BUILD)/fuzz/make_seeds $(BUILD)/fuzz
	@for f in $(FUZZERS); do \
	    clang -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -DFUZZ_$$f \
	        -I. tests/fuzz/fuzz.c -o $(BUILD)/fuzz/fuzz_$$f -lm && echo "fuzzing $$f" && \
	    $(BUILD)/fuzz/fuzz_$$f -max_total_time=$(SECONDS) -max_len=4096 -timeout=10 -print_final_stats=1 \
	        -artifact_prefix=$(BUILD)/fuzz/$$f- $(BUILD)/fuzz/$$f >$(BUILD)/fuzz/$$f.txt 2>&1 || \
	    { grep -A 8 ERROR $(BUILD)/fuzz/$$f.txt; tail -n 12 $(BUILD)/fuzz/$$f.txt; exit 1; }; \
	    grep number_of_executed $(BUILD)/fuzz/$$f.txt; done

# ---- a release: `make test` at every change, and what takes hours. Each part is a target too.
RELEASE = test selfcheck release-platforms release-fuzz release-kills release-threads release-valgrind \
    release-branches accept

release-check: ## run all that a release must pass, for hours (RELEASE="release-fuzz accept" SECONDS=)
	@ran=; bad=0; for part in $(RELEASE); do \
	    echo "== $$part"; start=$$(date +%s); result=passed; \
	    $(MAKE) --no-print-directory $$part || { result=FAILED; bad=1; }; \
	    ran="$$ran  $$part $$result, $$(( $$(date +%s) - start )) s\n"; \
	done; printf "release-check ran:\n$$ran"; exit $$bad

release-fuzz: # four hours of each reader, or SECONDS=
	@$(MAKE) --no-print-directory fuzz $(if $(filter file,$(origin SECONDS)),SECONDS=14400)

release-platforms:
	sh tests/test_portability.sh

release-kills: $(BUILD)/test_files_float $(BUILD)/test_files_sanitized # 100,000 while saving
	@KILLS=100000 sh tests/run.sh $(BUILD)/test_files_float
	@KILLS=1000 sh tests/run.sh $(BUILD)/test_files_sanitized

# With clang and its own OpenMP, which archer explains to the sanitizer; gcc's shows false races.
release-threads:
	@mkdir -p $(BUILD)
	@for t in matmul train conv files; do clang $(TEST_FLAGS) -O1 -g -fsanitize=thread -fopenmp \
	    tests/test_$$t.c -o $(BUILD)/test_$${t}_threads -lcmocka -lm || exit 1; done
	@OMP_TOOL_LIBRARIES=$$(dirname $$(readlink -f $$(command -v clang)))/../lib/libarcher.so TSAN_OPTIONS=ignore_noninstrumented_modules=1 \
	    OMP_NUM_THREADS=4 KILLS=0 sh tests/run.sh $(foreach t,matmul train conv files,$(BUILD)/test_$(t)_threads)

release-valgrind: $(foreach t,memory data files images graph conv,$(BUILD)/test_$(t)_float)
	@NN_CPU=avx2 KILLS=0 sh tests/run.sh $(foreach t,memory data files images graph conv,"valgrind -q \
	    --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite $(BUILD)/test_$(t)_float")

release-branches: # counts the branches of loaders and savers that the tests take (gcov)
	CC=gcc sh tests/branches.sh data files images

digit: $(BUILD)/12_own_handwriting digits ## read a handwritten digit from a photo (IMAGE=photo.jpg)
	$(BUILD)/12_own_handwriting $(if $(IMAGE),--image '$(IMAGE)')

race: digits $(BUILD)/race ## train a network to 99 % on MNIST in one epoch, on all cores (chapter 11)
	$(BUILD)/race

small: digits $(BUILD)/small ## train a small network to 99.5 % on MNIST in minutes, on all cores (chapter 11)
	$(BUILD)/small

$(BUILD)/race $(BUILD)/small: $(BUILD)/%: chapters/11_cnn/%.c $(SHARED)
	@mkdir -p $(BUILD)
	$(CC) $(CFLAGS) -std=c11 $(WARN) $(OPENMP) $< -o $@ -lm

chapters-run: chapters digits ## run the programs of all chapters (ARGS=--quick)
	@for p in $(PROGRAMS); do $$p $(ARGS) || exit 1; done

# ---- exercises: the runner is one small program; ./learn is a link to it (git ignores both)
learn: $(BUILD)/learn ## start or continue the exercises: grades each file whenever you save it
	@CC="$(CC)" $(BUILD)/learn watch

grade: $(BUILD)/learn ## grade all exercises once, as a table (MINE= another person's folder, JSON=1)
	@CC="$(CC)" $(BUILD)/learn grade $(if $(MINE),--mine $(MINE)) $(if $(JSON),--json)

selfcheck: $(BUILD)/learn digits ## grade the graders (QUICK=1: one compiler, three seeds; ONLY=10)
	@$(BUILD)/learn selfcheck $(ONLY) $(if $(QUICK),--quick)

$(BUILD)/learn: $(wildcard exercises/runner/*.[ch])
	@mkdir -p $(BUILD)
	@$(CC) -O1 -std=c99 $(WARN) exercises/runner/*.c -o $@
	@ln -sf $@ learn

# Also keeps what the programs print, for pages that quote the numbers of long runs.
figures: chapters digits ## make the figures of all chapters again
	@for c in $(notdir $(patsubst %/,%,$(sort $(dir $(MAINS) $(OTHERS))))); do \
	    mkdir -p plots/figures/$$c; \
	    for p in $(PROGRAMS); do case $$p in $(BUILD)/$$c | $(BUILD)/$${c}_*) \
	        echo "$$p"; NN_PLOT=svg,png $$p || exit 1 ;; esac; done >plots/figures/$$c/output.txt || exit 1; \
	done

PAGES = chapters/README.md $(sort $(wildcard chapters/[0-9]*/README.md))

book: $(BUILD)/book.html ## make one file of all pages, with figures, that reads offline (pandoc)

$(BUILD)/book.html: $(PAGES) chapters/book.lua chapters/book.css $(wildcard plots/figures/*/*.svg)
	@command -v pandoc >/dev/null || { echo "make book needs pandoc (Debian: apt install pandoc)"; exit 1; }
	@mkdir -p $(BUILD)
	pandoc -f commonmark_x+rebase_relative_paths -t html --standalone --self-contained --mathml \
	    --toc --toc-depth=1 --metadata title="Neural networks in C: the workbook of nn.h" \
	    --metadata lang=en-GB --lua-filter chapters/book.lua --css chapters/book.css $(PAGES) -o $@

format: ## format nn.h
	clang-format -i nn.h

clean: ## remove what was built
	rm -rf $(BUILD) learn
