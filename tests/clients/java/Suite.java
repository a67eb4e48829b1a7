import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;

/**
 * Runs checks one after the other, each in a thread of its own so that one which hangs fails alone, and writes what
 * host.js wants to read. The first argument of a program, if any, selects checks by a part of their name.
 */
final class Suite {
    interface Check {
        void run() throws Exception;
    }

    private static final int CHECK_SECONDS_MAX = 90; /* only against what hangs: a loaded machine is slow */
    private static final int LINES_SHOWN_MAX = 14;

    private final BufferedReader host = new BufferedReader(new InputStreamReader(System.in));
    private final ExecutorService threads = Executors.newCachedThreadPool(run -> {
        Thread thread = new Thread(run);
        thread.setDaemon(true);
        return thread;
    });
    private final String only;
    private int failed;

    Suite(String[] args) {
        only = args.length > 0 ? args[0] : "";
    }

    void check(String name, Check check) {
        if (!name.contains(only)) {
            return;
        }
        Future<?> done = threads.submit(() -> {
            check.run();
            return null;
        });
        try {
            done.get(CHECK_SECONDS_MAX, TimeUnit.SECONDS);
            System.out.println("ok - " + name);
        } catch (ExecutionException error) {
            fail(name, error.getCause());
        } catch (TimeoutException | InterruptedException error) {
            done.cancel(true);
            fail(name, error);
        }
    }

    private void fail(String name, Throwable why) {
        failed++;
        System.out.println("not ok - " + name);
        for (Throwable t = why; t != null; t = t.getCause()) {
            System.out.println("# " + String.valueOf(t).replace("\n", "\n# "));
            Arrays.stream(t.getStackTrace()).limit(LINES_SHOWN_MAX).forEach(at -> System.out.println("#   " + at));
        }
    }

    void end() {
        System.out.flush();
        Runtime.getRuntime().halt(failed > 0 ? 1 : 0);
    }

    /** Asks host.js for something; its answer is one line of JSON. */
    synchronized String ask(String what) throws IOException {
        System.out.println("!" + what);
        String told = host.readLine();
        if (told == null || told.startsWith("{\"error\"")) {
            throw new IOException(what + ": " + told);
        }
        return told;
    }

    Future<?> start(Check check) {
        return threads.submit(() -> {
            check.run();
            return null;
        });
    }

    static void same(Object wanted, Object seen) {
        if (!Objects.equals(wanted, seen)) {
            throw new AssertionError("expected " + wanted + ", saw " + seen);
        }
    }

    static void holds(boolean condition, Object seen) {
        if (!condition) {
            throw new AssertionError("saw " + seen);
        }
    }

    /** Polls; the check's time limit ends it. */
    static void until(BooleanSupplier condition) throws InterruptedException {
        while (!condition.getAsBoolean()) {
            Thread.sleep(10);
        }
    }

    /** The error that a check must end with, also where it is the cause of another. */
    static <E extends Throwable> E refused(Class<E> wanted, Check check) {
        try {
            check.run();
        } catch (Throwable error) {
            for (Throwable t = error; t != null; t = t.getCause()) {
                if (wanted.isInstance(t)) {
                    return wanted.cast(t);
                }
            }
            throw new AssertionError("expected " + wanted.getSimpleName(), error);
        }
        throw new AssertionError("expected " + wanted.getSimpleName() + ", but it succeeded");
    }
}
